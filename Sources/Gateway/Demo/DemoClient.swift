import CodecRuntime
import JingleCodec
import NIOCore
import NIOPosix
import XMLReader
import XMPPStack

/// An XMPP client with one resource over TCP (RFC 6120, RFC 6121), which answers each Jingle request with a result.
final class DemoClient {
  /// Our full address.
  private(set) var jid = ""
  /// Who has sent the last Jingle request.
  private(set) var peer: String?
  private let channel: any Channel
  private var events: AsyncStream<XMLStreamEvent>.Iterator
  private var lastNumber = 0

  private init(channel: any Channel, events: AsyncStream<XMLStreamEvent>) {
    self.channel = channel
    self.events = events.makeAsyncIterator()
  }

  // MARK: The stream

  /// Connects, authenticates with SASL PLAIN, binds a resource and says that we are available.
  static func signIn(
    user: String, password: String, domain: String, to address: SocketAddress, on eventLoop: any EventLoop
  ) async throws -> DemoClient {
    let (events, continuation) = AsyncStream.makeStream(of: XMLStreamEvent.self)
    let channel = try await ClientBootstrap(group: eventLoop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(StreamHandler(events: continuation))
        }
      }
      .connect(to: address).get()
    let client = DemoClient(channel: channel, events: events)
    client.openStream(to: domain)
    try await client.receive("features")
    client.send { output in
      output.beginStartTag("auth", namespace: "urn:ietf:params:xml:ns:xmpp-sasl")
      output.attribute("mechanism", "PLAIN" as StaticString)
      output.endStartTag()
      output.append(base64(Array("\0\(user)\0\(password)".utf8)))
      output.endTag("auth")
    }
    try await client.receive("success")
    client.openStream(to: domain)
    try await client.receive("features")
    client.send { output in
      output.append("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>")
      output.append("<resource>demo</resource></bind></iq>")
    }
    let bound = try await client.receive("iq")
    guard let jid = bound.children.first?.children.first?.text.string else {
      throw DemoError(description: "the XMPP client cannot bind a resource")
    }
    client.jid = jid
    client.send { $0.append("<presence/>") }
    return client
  }

  /// Closes the stream and waits for the other side to do so.
  func signOut() async throws {
    send { $0.append("</stream:stream>") }
    while let event = await events.next() {
      if case .streamClosed = event { break }
    }
    try await channel.close().flatMapError { [eventLoop = channel.eventLoop] _ in eventLoop.makeSucceededVoidFuture() }
      .get()
  }

  private func openStream(to domain: String) {
    send { output in
      output.append("<?xml version='1.0'?><stream:stream xmlns='jabber:client' ")
      output.append("xmlns:stream='http://etherx.jabber.org/streams' version='1.0'")
      output.attribute("to", domain)
      output.endStartTag()
    }
  }

  private func send(_ write: (inout Output) -> Void) {
    var output = Output()
    write(&output)
    send(output.bytes)
  }

  private func send(_ bytes: [UInt8]) {
    channel.writeAndFlush(channel.allocator.buffer(bytes: bytes), promise: nil)
  }

  @discardableResult
  private func receive(_ name: String) async throws -> XMLElement {
    let stanza = try await nextStanza(awaiting: "<\(name)/>")
    guard stanza.name.string == name else {
      throw DemoError(description: "the XMPP client expected <\(name)/>, but got <\(stanza.name)/>")
    }
    return stanza
  }

  private func nextStanza(awaiting awaited: String) async throws -> XMLElement {
    while let event = await events.next() {
      switch event {
      case .streamOpened: continue
      case .stanza(let stanza): return stanza
      case .streamClosed:
        throw DemoError(description: "the gateway has closed the XMPP stream instead of sending \(awaited)")
      case .failed(let error): throw DemoError(description: "the XMPP stream cannot be read: \(error.message)")
      }
    }
    throw DemoError(description: "the XMPP client has waited too long for \(awaited)")
  }

  // MARK: Jingle

  /// Sends a Jingle request.
  func send(_ jingle: Jingle, to peer: String) throws {
    guard let sender = JID(jid) else { throw DemoError(description: "\"\(jid)\" is no XMPP address") }
    lastNumber += 1
    send(JingleStanzas.set(id: "demo-\(lastNumber)", from: sender, to: peer) { jingle.write(to: &$0) })
  }

  /// Waits for a Jingle request with this action. Throws where the call ends before, or a request of ours is refused.
  func receive(_ action: Action, of sid: String) async throws -> Jingle {
    while true {
      let stanza = try await nextStanza(awaiting: action.name)
      guard stanza.name == "iq", let type = stanza.attribute("type") else { continue }
      if type == "error" {
        let condition = stanza.children.first { $0.name == "error" }?.children.first?.name.string ?? "no condition"
        throw DemoError(description: "the gateway has refused a Jingle request: \(condition)")
      }
      guard type == "set", let payload = stanza.children.first(where: Jingle.matches),
        let jingle = Jingle.read(payload)?.jingle, let sender = stanza.attribute("from")?.string
      else { continue }
      if let sender = JID(sender) { send(JingleStanzas.result(to: stanza, of: sender)) }
      guard let name = jingle.sid, name.string == sid else { continue }
      peer = sender
      if jingle.action == action { return jingle }
      if jingle.action == .sessionTerminate {
        let reason = jingle.endReason?.rawValue ?? "no reason"
        throw DemoError(description: "the XMPP client waited for \(action.name), but the call has ended: \(reason)")
      }
    }
  }
}

/// Reads the stream on the channel's event loop.
private final class StreamHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let reader = XMLStreamReader()
  private let events: AsyncStream<XMLStreamEvent>.Continuation

  init(events: AsyncStream<XMLStreamEvent>.Continuation) { self.events = events }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    unwrapInboundIn(data).withUnsafeReadableBytes { reader.append($0) }
    while let event = reader.next() {
      // RFC 6120 §6.4.6: after SASL a new stream begins.
      if case .stanza(let stanza) = event, stanza.matches("success", namespace: "urn:ietf:params:xml:ns:xmpp-sasl") {
        reader.reset()
      }
      events.yield(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) { events.finish() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// RFC 4648 §4.
private func base64(_ bytes: [UInt8]) -> String {
  let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  var text = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    for index in 0..<4 {
      text.append(index <= group.count ? digits[bits >> (18 - 6 * index) & 63] : "=")
    }
  }
  return text
}
