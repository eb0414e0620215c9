import ArgumentParser
import Gateway

/// `serve [--config FILE]`
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs the gateway.",
    discussion: """
      When every listener is bound, one line that begins with "ready " names their addresses on standard output. \
      SIGTERM and SIGINT end all calls and then the gateway.

      Exit status: 0 after a signal, 78 where the configuration cannot be used, 1 where a port is taken.
      """)

  @Option(help: ArgumentHelp("The configuration, in TOML; without it there are defaults.", valueName: "file"))
  var config: String?

  func run() async throws {
    let file = try loadConfiguration()
    do {
      try await GatewayService.run(configuration: file?.configuration ?? Configuration()) { Console.print($0) }
    } catch let error as GatewayStartError {
      guard let config, let file, let key = error.key else {
        Console.error("jingle-sip-gateway: \(error)")
        throw ExitCode(error.key == nil ? 1 : Self.unusableConfiguration)
      }
      Console.error(ConfigurationProblem(line: file.line(of: key), message: error.description).text(file: config))
      throw ExitCode(Self.unusableConfiguration)
    } catch {
      Console.error("jingle-sip-gateway: \(error)")
      throw ExitCode(1)
    }
  }

  /// EX_CONFIG of sysexits.h
  private static let unusableConfiguration: Int32 = 78

  private func loadConfiguration() throws -> ConfigurationFile? {
    guard let config else { return nil }
    do throws(ConfigurationError) {
      let file = try ConfigurationFile(path: config)
      for warning in file.warnings { Console.error("\(warning.text(file: config)) (warning)") }
      return file
    } catch {
      Console.error(error.description)
      throw ExitCode(Self.unusableConfiguration)
    }
  }
}
