import ArgumentParser
import Gateway

@main
struct JingleSIPGateway: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jingle-sip-gateway",
    abstract: "Lets XMPP clients that speak Jingle call SIP phones and be called by them.",
    version: GatewayService.version,
    subcommands: [Serve.self, Demonstrate.self, Translate.self, Inspect.self])

  func run() throws { throw ValidationError("A command is missing: serve, demo, translate or inspect.") }
}
