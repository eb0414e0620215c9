import ArgumentParser
import Gateway

/// `demo [--verbose]`
struct Demonstrate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Places a call in each direction and shows both protocols as they happen.",
    discussion: """
      It needs nothing but this executable: the gateway listens for XMPP clients on a free loopback port, and a SIP \
      phone answers. Times are milliseconds since the start.

      Exit status: 0 where both calls were set up and ended, 1 otherwise.
      """)

  @Flag(name: .shortAndLong, help: "Show the messages whole.")
  var verbose = false

  func run() async throws {
    do {
      try await Demo.run(detail: verbose ? .whole : .oneLine) { Console.print($0) }
    } catch {
      Console.error("jingle-sip-gateway: demo: \(error)")
      throw ExitCode(1)
    }
  }
}
