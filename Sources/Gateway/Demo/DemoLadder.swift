import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SIPCodec
import SIPStack
import XMLReader

/// Shows messages as arrows between an XMPP client on the left, the gateway, and a phone on the right.
struct DemoLadder: Sendable {
  /// Columns of each side; with the time and the three verticals less than 100.
  private static let lane = 44
  private static let timeColumns = 5

  private let detail: Demo.Detail
  private let show: @Sendable (String) -> Void
  private let start = Instant.now

  init(detail: Demo.Detail, show: @escaping @Sendable (String) -> Void) {
    self.detail = detail
    self.show = show
  }

  var elapsedMilliseconds: UInt64 { (Instant.now - start).nanoseconds / 1_000_000 }

  /// To be handed to the gateway.
  var trace: GatewayTrace {
    GatewayTrace { side, direction, bytes in
      switch side {
      case .xmpp: show(line(Self.summary(ofStanza: bytes), isLeft: true, isToRight: direction == .received))
      case .sip: show(line(Self.summary(ofSIP: bytes), isLeft: false, isToRight: direction == .sent))
      }
      if detail == .whole { show(Self.indented(bytes)) }
    }
  }

  /// Names the sides above their verticals.
  func heading(left: String, right: String) -> String {
    let title = "gateway"
    let middle = Self.timeColumns + Self.lane + 2
    let half = title.count / 2
    let names = Self.padded("ms", to: Self.timeColumns) + "  " + left
    return names + Self.padded(title, to: middle + half + 1 - names.count)
      + Self.padded(right, to: Self.lane - half + 1)
  }

  private func line(_ text: String, isLeft: Bool, isToRight: Bool) -> String {
    let limit = Self.lane - 6
    let short = text.count > limit ? text.prefix(limit - 1) + "…" : text[...]
    let rest = String(repeating: "─", count: Self.lane - 5 - short.count)
    let arrow = isToRight ? "── \(short) \(rest)▶" : "◀─ \(short) \(rest)─"
    let empty = String(repeating: " ", count: Self.lane)
    let time = Self.padded(String(elapsedMilliseconds), to: Self.timeColumns)
    return "\(time) │\(isLeft ? arrow : empty)│\(isLeft ? empty : arrow)│"
  }

  private static func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func indented(_ bytes: [UInt8]) -> String {
    // Without the empty body of a SIP message.
    var text = Substring(decoding: bytes.filter { $0 != 0x0D }, as: UTF8.self)
    while text.last == "\n" { text.removeLast() }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { "        " + $0 }.joined(separator: "\n")
  }

  // MARK: Summaries

  private static func summary(ofSIP bytes: [UInt8]) -> String {
    let message: SIPMessage
    do throws(SIPIssue) { message = try SIPMessage(parsing: bytes) } catch { return "?" }
    let body = message.body.isEmpty ? "" : " + \(message.headers.contentType?.subtype.string.uppercased() ?? "body")"
    if let status = message.statusLine {
      let method = message.headers.cseq.map { " (\($0.method.name))" } ?? ""
      return "\(status.code) \(status.reason)\(method)\(body)"
    }
    guard let request = message.requestLine else { return "?" }
    let user = request.uri.user.map { "\($0)@" } ?? ""
    let host = request.uri.host?.string ?? ""
    let port = request.uri.port.map { ":\($0)" } ?? ""
    return "\(request.method.name) \(request.uri.scheme?.name ?? ""):\(user)\(host)\(port)\(body)"
  }

  private static func summary(ofStanza bytes: [UInt8]) -> String {
    let stanza: XMLElement
    do throws(XMLReadError) { stanza = try XMLReader.parseDocument(bytes) } catch { return "?" }
    guard let payload = stanza.children.first(where: Jingle.matches), let jingle = Jingle.read(payload)?.jingle else {
      return "\(stanza.name) \(stanza.attribute("type")?.string ?? "")"
    }
    var words = [jingle.action.name]
    if jingle.ringing != nil { words.append("ringing") }
    if let reason = jingle.endReason { words.append(reason.rawValue) }
    if let sid = jingle.sid { words.append("sid=\(sid)") }
    return words.joined(separator: " ")
  }
}
