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

/// `demo`
struct Demonstrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Places a call in each direction and shows both protocols as they happen.",
    discussion: """
      It needs nothing but this executable: the gateway listens for XMPP clients on a free loopback port, and a SIP \
      phone answers.

      Exit status: 0 where both calls were set up and ended, 1 otherwise.
      """)

  func run() async throws {
    do {
      try await Demo.run()
    } catch {
      Console.error("jingle-sip-gateway: \(error)")
      throw ExitCode(1)
    }
  }
}
