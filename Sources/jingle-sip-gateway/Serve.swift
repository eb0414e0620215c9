import ArgumentParser
import Gateway

/// `serve [--config FILE]`
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs the gateway.",
    discussion: """
      When every listener is bound, one line that begins with "ready " names their addresses on standard output. \
      SIGTERM and SIGINT end all calls and then the gateway.

      Exit status: 0 after a signal, 78 where the configuration cannot be used, 1 where a listener cannot be bound.
      """)

  @Option(help: ArgumentHelp("The configuration, in TOML; without it there are defaults.", valueName: "file"))
  var config: String?

  func run() async throws {
    let configuration = try loadConfiguration()
    do {
      try await GatewayService.run(configuration: configuration) { Console.print($0) }
    } catch {
      Console.error("jingle-sip-gateway: \(error)")
      throw ExitCode(1)
    }
  }

  private func loadConfiguration() throws -> Configuration {
    guard let config else { return Configuration() }
    do throws(ConfigurationError) {
      let file = try ConfigurationFile(path: config)
      for warning in file.warnings { Console.error("\(warning.text(file: config)) (warning)") }
      return file.configuration
    } catch {
      Console.error(error.description)
      // EX_CONFIG
      throw ExitCode(78)
    }
  }
}
