import SIPStack
import Testing

/// RFC 3261 §17.1.3 and §17.2.3.
@Suite struct TransactionKeyTests {
  func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  func legacy(
    _ method: RequestMethod, branch: String? = nil, uri: String = "sip:bob@example.org", toTag: String = "",
    fromTag: String = "a", call: String = "c1", number: UInt32 = 1, via: String = "SIP/2.0/UDP 192.0.2.1"
  ) -> TransactionKey {
    .server(
      method: method, branch: branch.map(bytes), sentByHost: bytes("192.0.2.1"), sentByPort: nil,
      fallback: RFC2543Identity(
        requestURI: bytes(uri), toTag: bytes(toTag), fromTag: bytes(fromTag), callIdentifier: bytes(call),
        sequenceNumber: number, topVia: bytes(via)))
  }

  @Test("§17.1.3: a response belongs to the request with its branch and CSeq method")
  func client() {
    #expect(clientKey("z9hG4bKa") == clientKey("z9hG4bKa"))
    #expect(clientKey("z9hG4bKa") != clientKey("z9hG4bKb"))
    #expect(clientKey("z9hG4bKa", .cancel) != clientKey("z9hG4bKa"))
    #expect(clientKey("z9hG4bKa").cancelOfInvite == clientKey("z9hG4bKa", .cancel))
    #expect(clientKey("z9hG4bKa", .other("X")) != clientKey("z9hG4bKa", .other("x")))
  }

  @Test("§7.3.1: branch and host are compared without regard to case")
  func folding() {
    #expect(serverKey("z9hG4bKabc", host: "Example.org") == serverKey("Z9HG4BKABC", host: "example.ORG"))
  }

  @Test("§17.2.3: branch, sent-by and method")
  func server() {
    #expect(serverKey("z9hG4bKa") != serverKey("z9hG4bKa", host: "192.0.2.2"))
    #expect(serverKey("z9hG4bKa") != serverKey("z9hG4bKa", .other("X")))
    #expect(serverKey("z9hG4bKa") != clientKey("z9hG4bKa"))
    let port5060 = TransactionKey.server(
      method: .invite, branch: bytes("z9hG4bKa"), sentByHost: bytes("192.0.2.1"), sentByPort: 5060,
      fallback: RFC2543Identity(
        requestURI: [], toTag: [], fromTag: [], callIdentifier: [], sequenceNumber: 1, topVia: []))
    #expect(port5060 != serverKey("z9hG4bKa"))
  }

  @Test("§17.2.3: an ACK has the key of its INVITE; §9.2: a CANCEL finds it")
  func acknowledgementAndCancel() {
    #expect(serverKey("z9hG4bKa", .acknowledgement) == serverKey("z9hG4bKa"))
    #expect(serverKey("z9hG4bKa", .cancel) != serverKey("z9hG4bKa"))
    #expect(serverKey("z9hG4bKa", .cancel).inviteOfCancel == serverKey("z9hG4bKa"))
  }

  @Test("§17.2.3: a branch without the cookie identifies nothing", arguments: [nil, "", "1", "z9hG4b", "z9hG4bK"])
  func cookie(branch: String?) {
    #expect(legacy(.invite, branch: branch) == legacy(.invite))
    #expect(legacy(.invite, branch: branch) != legacy(.invite, branch: "z9hG4bKx"))
  }

  @Test("§17.2.3: the fields of RFC 2543 each tell requests apart")
  func legacyFields() {
    let key = legacy(.invite)
    #expect(key != legacy(.invite, uri: "sip:carol@example.org"))
    #expect(key != legacy(.invite, fromTag: "b"))
    #expect(key != legacy(.invite, call: "c2"))
    #expect(key != legacy(.invite, number: 2))
    #expect(key != legacy(.invite, via: "SIP/2.0/UDP 192.0.2.2"))
    #expect(key != legacy(.other("X")))
    #expect(legacy(.other("X"), toTag: "t") != legacy(.other("X"), toTag: "u"))
    #expect(legacy(.invite, fromTag: "ab", call: "c") != legacy(.invite, fromTag: "a", call: "bc"))
  }

  @Test("§17.2.3: the ACK of RFC 2543 bears our To tag, which its INVITE had not")
  func legacyAcknowledgement() {
    #expect(legacy(.acknowledgement, toTag: "ours") == legacy(.invite))
    #expect(legacy(.cancel).inviteOfCancel == legacy(.invite))
  }
}
