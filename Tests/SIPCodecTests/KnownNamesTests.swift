import CodecRuntime
import Testing

@testable import SIPCodec

/// Known names are told by how they begin and by what follows them: names that begin alike have to stay apart.
@Suite("Known names of parameters and values")
struct KnownNamesTests {
  private func read(_ value: String) -> ViaParm? {
    let header = ReadHeader("Via", value, isInMessage: true)
    guard header.end == value.utf8.count else { return nil }
    return HeaderValues<ViaParm>(
      arena: header.arena, headerSlot: header.slot, from: 0, to: header.arena.end(of: 0), valueSlot: 1, after: 0
    ).first
  }

  @Test("RFC 3261 §7.3.1: names of parameters are compared without regard to case")
  func readsParametersInAnyCase() throws {
    let via = try #require(read("SIP/2.0/UDP a.example;BRANCH=z9hG4bK1;Received=192.0.2.1;rPort=5060;alias"))
    #expect(via.branch?.string == "z9hG4bK1")
    #expect(via.received?.string == "192.0.2.1")
    #expect(via.rport == 5060)
    #expect(via.alias)
    #expect(via.otherParameters.isEmpty)
  }

  @Test("RFC 3261 §25.1: what only begins like a known parameter, or ends before it, is another one")
  func keepsLongerAndShorterNames() throws {
    let names = ["branches", "branc", "received-realms", "receive", "rport2", "rpor", "alias-1", "alia", "b", "ttl."]
    for name in names {
      let via = try #require(read("SIP/2.0/UDP a.example;\(name)=1;branch=x"))
      #expect(via.otherParameters.map(\.name.string) == [name])
      #expect(via.otherParameters.first?.value?.string == "1")
      #expect(via.branch?.string == "x")
      #expect(via.received == nil && via.receivedRealm == nil && !via.hasRport && !via.alias && via.ttl == nil)
    }
    #expect(read("SIP/2.0/UDP a.example;@=1") == nil)
  }

  @Test("RFC 3261 §20.42, RFC 4168, RFC 7118: transports that begin alike")
  func readsTransports() throws {
    let names: [(String, Transport)] = [
      ("TLS", .tls), ("tls-sctp", .tlsSCTP), ("TCP", .tcp), ("ws", .ws), ("WSS", .wss), ("UDP", .udp), ("SCTP", .sctp),
    ]
    for (name, transport) in names {
      #expect(try #require(read("SIP/2.0/\(name) a.example")).transport.name == transport.name)
    }
    for name in ["TLSX", "TL", "TLS-SCT", "TLS-SCTPX", "W", "WSSS", "UDP-", "x"] {
      let transport = try #require(read("SIP/2.0/\(name) a.example")).transport
      guard case .other(let text) = transport else {
        Issue.record("\(name) was read as \(transport.name)")
        continue
      }
      #expect(text.string == name)
    }
  }

  @Test("RFC 3261 §7.1: methods are compared with regard to case")
  func readsMethods() {
    let read = ReadHeader("Allow", "INVITE, invite, INVITED, ACK, BYE, SUBSCRIBE, SUBSCRIB", isInMessage: true)
    #expect(read.written == "INVITE,invite,INVITED,ACK,BYE,SUBSCRIBE,SUBSCRIB")
    let codes = ArenaList<TextValue>(arena: read.arena, slot: 1, of: 0, after: 0).map { read.arena.word($0.index + 1) }
    #expect(codes.map { $0 != 0 } == [true, false, false, true, true, true, false])
  }

  @Test("RFC 3261 §20.17: days and months of a date", arguments: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
  func readsDates(day: String) {
    for month in ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] {
      let date = "\(day), 13 \(month) 2010 23:29:00 GMT"
      #expect(ReadHeader("Date", date).end == date.utf8.count)
      for index in date.indices {
        var wrong = date
        wrong.replaceSubrange(index...index, with: date[index] == "#" ? "" : "#")
        #expect(ReadHeader("Date", wrong).end < 0)
        #expect(ReadHeader("Date", String(date[..<index])).end < 0)
      }
    }
    #expect(ReadHeader("Date", "\(day.lowercased()), 13 Nov 2010 23:29:00 GMT").end < 0)
  }

  @Test("RFC 3261 §25.1: comments nest, and have no controls and no line ends but folds")
  func readsComments() {
    for comment in ["()", "(a)", "(a(b)c)", "(\\(\\)\\\\)", "(a\tb)", "(\u{e9}~)", "(a\r\n b)", "(((())))"] {
      let value = "A/1 \(comment) B"
      #expect(ReadHeader("User-Agent", value, isInMessage: true).end == value.utf8.count)
    }
    for comment in ["(", "(a", "(a\u{1}b)", "(a\u{7f}b)", "(a\nb)", "(a\r\nb)", "(a(b)", "(a\\\n)", "(a\0b)", "(a\\"] {
      let value = "A/1 \(comment)"
      let read = ReadHeader("User-Agent", value, isInMessage: true)
      #expect(read.end < value.utf8.count)
    }
  }
}
