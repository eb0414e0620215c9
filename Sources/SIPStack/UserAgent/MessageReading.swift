import CodecRuntime
import SIPCodec

/// The protocol that we speak (RFC 3261 §7.1), as it stands in start lines and Vias.
enum SpokenProtocol {
  static let name = "SIP"
  static let version = "2.0"

  /// Whether a start line has our version; without regard to case.
  static func isSpoken(_ text: Text) -> Bool { text.string.lowercased() == "\(name)/\(version)".lowercased() }
}

extension RequestMethod {
  init(_ method: Method) {
    switch method {
    case .invite: self = .invite
    case .ack: self = .acknowledgement
    case .cancel: self = .cancel
    default: self = .other(method.name)
    }
  }
}

extension Text {
  var byteArray: [UInt8] { withBytes { Array($0) } }
}

/// What a message must have so that we can act on it.
enum MessageReading {
  /// Header fields without which nothing can be done with a message (RFC 3261 §8.1.1, §18.3).
  private static let needed: Set<UInt32> = [
    Headers.via, Headers.from, Headers.to, Headers.callID, Headers.cseq, Headers.contentLength,
  ]
  /// Those of which dialogs are made.
  private static let neededByInvite: Set<UInt32> = [Headers.contact, Headers.recordRoute]

  /// The first thing that makes a message unusable; `nil` where other fields at most are malformed, which are passed
  /// over (RFC 3261 §8.2.2). A version that we do not speak is no such thing.
  static func obstacle(in message: SIPMessage) -> SIPIssue? {
    let founds = message.requestLine?.method == .invite
    return message.issues.first { issue in
      switch issue.layer {
      case .framing, .startLine: return true
      case .header, .validation:
        if let header = issue.header {
          // Without a Contact, the address in From serves, as for an RFC 2543 client.
          return needed.contains(header) || founds && issue.layer == .header && neededByInvite.contains(header)
        }
        guard issue.layer == .validation, let line = message.requestLine else { return false }
        return SpokenProtocol.isSpoken(line.version)
      }
    }
  }

  /// Whether a message whose start line cannot be read was meant as a response, which is never answered.
  static func looksLikeResponse(_ message: SIPMessage) -> Bool {
    if message.statusLine != nil { return true }
    let prefix = "\(SpokenProtocol.name)/".lowercased().utf8
    return message.bytes.prefix(prefix.count).elementsEqual(prefix) { lowercased($0) == $1 }
  }

  /// The key of the transaction that a request belongs to; `nil` without a Via.
  static func serverKey(of message: SIPMessage) -> TransactionKey? {
    guard let line = message.requestLine, let via = message.headers.via.first else { return nil }
    return .server(
      method: RequestMethod(line.method), branch: via.branch?.byteArray, sentByHost: via.host.byteArray,
      sentByPort: via.port, fallback: oldIdentity(of: message, line, via))
  }

  private static func oldIdentity(of message: SIPMessage, _ line: RequestLine, _ via: ViaParm) -> RFC2543Identity {
    let headers = message.headers
    let uri = line.uri
    let uriParts = [uri.user, uri.host, uri.number, uri.opaque].compactMap { $0 }
    let viaParts = [via.host, via.branch].compactMap { $0 }
    return RFC2543Identity(
      requestURI: joined(uriParts, port: uri.port), toTag: headers.to?.party.tag?.byteArray ?? [],
      fromTag: headers.from?.party.tag?.byteArray ?? [], callIdentifier: headers.callID?.value.byteArray ?? [],
      sequenceNumber: headers.cseq?.number ?? 0, topVia: joined(viaParts, port: via.port))
  }

  /// Texts with a byte between them that none of them has.
  private static func joined(_ texts: [Text], port: UInt16?) -> [UInt8] {
    var bytes: [UInt8] = []
    for text in texts {
      bytes.append(contentsOf: text.byteArray)
      bytes.append(0)
    }
    if let port { bytes.append(contentsOf: String(port).utf8) }
    return bytes
  }

  /// The key of the transaction that a response belongs to; `nil` without a branch.
  static func clientKey(of message: SIPMessage) -> TransactionKey? {
    guard let branch = message.headers.via.first?.branch, let method = message.headers.cseq?.method else { return nil }
    return .client(branch: branch.byteArray, method: RequestMethod(method))
  }

  /// Where the responses to a request go (RFC 3261 §18.2.2, RFC 3581 §4).
  static func replyAddress(
    of message: SIPMessage, from source: TransportAddress, honoursMaddr: Bool = true
  ) -> TransportAddress {
    guard let via = message.headers.via.first else { return source }
    let maddr = honoursMaddr ? via.maddr.flatMap { IPAddress($0.string) } : nil
    return source.replyAddress(
      maddr: maddr, hasReturnPort: via.hasRport, sentByPort: via.port)
  }

  /// Whether a datagram is only there to keep a binding of a NAT (RFC 5626 §3.5.1, and what phones send instead).
  static func isKeepAlive(_ datagram: UnsafeBufferPointer<UInt8>) -> Bool {
    datagram.count <= 8 && datagram.allSatisfy { $0 == 0x0D || $0 == 0x0A || $0 == 0 || $0 == 0x20 }
  }
}
