import Logging
import NIOCore
import NIOPosix
import SIPStack
import XMPPStack

/// Why the demonstration did not go as it should.
public struct DemoError: Error, Sendable, CustomStringConvertible {
  public var description: String
}

/// A gateway, an XMPP client and a SIP phone in one process, which call each other over loopback sockets.
///
/// Only signalling: no media is sent.
public enum Demo {
  /// How much is shown of each message.
  public enum Detail: Sendable {
    case oneLine
    case whole
  }

  /// When the participants stop waiting, and what remains then to say what they waited for.
  private static let limit = TimeAmount.milliseconds(7000)
  private static let lastWord = TimeAmount.milliseconds(500)

  /// Places a call in each direction and hands what happens to `show`, line by line.
  ///
  /// Throws where a call was not set up and ended within 7.5 s: ``DemoError``, or the error of a socket.
  public static func run(detail: Detail = .oneLine, show: @escaping @Sendable (String) -> Void) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let eventLoop = group.next()
    let outcome = eventLoop.makePromise(of: Void.self)
    let play = Task {
      do {
        try await DemoPlay.run(group: group, detail: detail, show: show)
        outcome.succeed()
      } catch {
        outcome.fail(error)
      }
    }
    // Who waits when the task is cancelled says for what.
    let alarm = eventLoop.scheduleTask(in: limit) { play.cancel() }
    let end = eventLoop.scheduleTask(in: limit + lastWord) {
      outcome.fail(DemoError(description: "the demonstration has not come to its end"))
    }
    defer {
      alarm.cancel()
      end.cancel()
    }
    try await outcome.futureResult.get()
  }
}

/// What happens in the demonstration.
private struct DemoPlay {
  static let domain = "localhost"
  static let host = "127.0.0.1"
  /// So that it can be followed, and each call is at its end before the next begins.
  static let conversation = Duration.milliseconds(150)
  static let pause = Duration.milliseconds(80)

  let client: DemoClient
  let phone: DemoPhone
  let show: @Sendable (String) -> Void

  static func run(
    group: any EventLoopGroup, detail: Demo.Detail, show: @escaping @Sendable (String) -> Void
  ) async throws {
    var identifiers = IdentifierGenerator()
    let password = identifiers.tag()
    let phone = try await DemoPhone.start(host: host, on: group.next())
    let ladder = DemoLadder(detail: detail, show: show)
    let gateway = try await GatewayService.start(
      configuration: configuration(proxy: phone.address, password: password), logger: logger, trace: ladder.trace,
      group: group)
    guard let xmppAddress = gateway.xmppAddress else { throw ChannelError.unknownLocalAddress }
    let client = try await DemoClient.signIn(
      user: "alice", password: password, domain: domain, to: xmppAddress, on: group.next())
    show(
      ladder.heading(left: "XMPP: \(client.jid)", right: "SIP: phone at \(phone.address.host):\(phone.address.port)"))

    let play = DemoPlay(client: client, phone: phone, show: show)
    try await play.clientCalls(sid: String(identifiers.callIdentifier().prefix(8)))
    try await Task.sleep(for: pause)
    try await play.phoneCalls(
      callIdentifier: String(identifiers.callIdentifier().prefix(8)), gateway: gateway.sipAddress)
    try await Task.sleep(for: pause)

    try await client.signOut()
    try await gateway.shutDown()
    try await phone.close()
    show("\nBoth calls were set up and ended, in \(ladder.elapsedMilliseconds) ms.")
  }

  private static func configuration(proxy: TransportAddress, password: String) -> Configuration {
    var configuration = Configuration()
    configuration.sip.listenPort = 0
    configuration.sip.localHost = host
    configuration.sip.proxyHost = host
    configuration.sip.proxyPort = proxy.port
    var xmpp = EmbeddedXMPPConfiguration()
    xmpp.domain = domain
    xmpp.listenPort = 0
    xmpp.accounts = ["alice": password]
    configuration.xmpp = .embedded(xmpp)
    return configuration
  }

  private static var logger: Logger {
    var logger = Logger(label: "demo", factory: StreamLogHandler.standardError(label:))
    logger.logLevel = .warning
    return logger
  }

  /// The XMPP user calls the phone, and hangs up.
  private func clientCalls(sid: String) async throws {
    show("\n1. alice calls the phone\n")
    let peer = "phone@\(Self.domain)"
    try client.send(try DemoMedia.initiate(sid: sid, initiator: client.jid, address: Self.host), to: peer)
    guard try await client.receive(.sessionInfo, of: sid).ringing != nil else {
      throw DemoError(description: "the session-info is no ringing")
    }
    guard try await !client.receive(.sessionAccept, of: sid).contents.isEmpty else {
      throw DemoError(description: "the session-accept has no content")
    }
    let leg = try await phone.receive("the ACK") { effect in
      if case .acknowledged(let leg, _) = effect { leg } else { nil }
    }
    try await Task.sleep(for: Self.conversation)
    try client.send(
      try .init(.init(action: .sessionTerminate, sid: sid, reason: .init(success: .init()))), to: peer)
    try await phone.receiveEnd(of: leg, byPeer: true)
  }

  /// The phone calls the XMPP user, and hangs up.
  private func phoneCalls(callIdentifier: String, gateway: TransportAddress) async throws {
    show("\n2. The phone calls alice\n")
    let leg = try await phone.call("alice", domain: Self.domain, callIdentifier: callIdentifier, by: gateway)
    let offer = try await client.receive(.sessionInitiate, of: callIdentifier)
    let peer = client.peer ?? ""
    try client.send(
      try .init(.init(action: .sessionInfo, sid: callIdentifier, ringing: .init())), to: peer)
    try await Task.sleep(for: DemoPhone.ringing)
    try client.send(try DemoMedia.accept(offer, responder: client.jid, address: Self.host), to: peer)
    try await phone.receive("the 200 to its INVITE") { effect in
      if case .accepted(leg, _) = effect { () } else { nil }
    }
    try await Task.sleep(for: Self.conversation)
    try await phone.hangUp(leg)
    let end = try await client.receive(.sessionTerminate, of: callIdentifier)
    guard end.reason?.success != nil else {
      throw DemoError(description: "the session-terminate does not say success")
    }
    try await phone.receiveEnd(of: leg, byPeer: false)
  }
}
