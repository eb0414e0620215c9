import ArgumentParser

@main
struct JingleSIPGateway: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jingle-sip-gateway",
    abstract: "Lets XMPP clients that speak Jingle call SIP phones and be called by them.",
    subcommands: [Serve.self, Demonstrate.self, Translate.self, Inspect.self])
}
