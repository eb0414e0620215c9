import SIPCodec
import Testing

/// What a message, a header field or a URI has to have, beyond what its ABNF says.
@Suite("Requirements")
struct RequirementTests {
  private func lines(_ start: String, method: String, branch: String = "z9hG4bK1", _ more: [String]) -> [String] {
    [
      start, "Via: SIP/2.0/UDP 192.0.2.1;branch=\(branch)", "From: <sip:alice@a.example>;tag=1",
      "To: <sip:bob@b.example>;tag=2", "Call-ID: 1", "CSeq: 1 \(method)",
    ] + more
  }

  private func issues(_ lines: [String], body: String = "") throws -> [SIPIssue] {
    try SIPMessage(
      parsing: Array((lines + ["Content-Length: \(body.utf8.count)", "", body]).joined(separator: "\r\n").utf8)
    )
    .issues
  }

  struct Row: Sendable, CustomTestStringConvertible {
    /// A method, or a status code and the method that it answers.
    var what: String
    var headers: [String]
    /// Names of the headers that are missing.
    var missing: [String]
    var testDescription: String { "\(what) \(headers)" }

    init(_ what: String, _ headers: String..., missing: String...) {
      self.what = what
      self.headers = headers
      self.missing = missing
    }

    static let contact = "m: <sip:alice@192.0.2.1>"

    static let all: [Row] = [
      .init("INVITE", missing: "Contact"), .init("INVITE", contact), .init("BYE"), .init("OPTIONS"), .init("REGISTER"),
      .init("UPDATE", missing: "Contact"), .init("REFER", contact, missing: "Refer-To"),
      .init("REFER", contact, "Refer-To: <sip:c@c.example>"), .init("REFER", contact, "r: <sip:c@c.example>"),
      .init("SUBSCRIBE", contact, missing: "Event"), .init("SUBSCRIBE", contact, "o: reg"),
      .init("SUBSCRIBE", missing: "Contact", "Event"), .init("PUBLISH", missing: "Event"),
      .init("NOTIFY", missing: "Event", "Subscription-State"),
      .init("NOTIFY", "Event: reg", "Subscription-State: active"),
      .init("PRACK", missing: "RAck"), .init("PRACK", "RAck: 1 1 INVITE"), .init("MESSAGE"), .init("NEW"),
      .init("180 INVITE"), .init("200 INVITE", missing: "Contact"), .init("202 SUBSCRIBE", missing: "Contact"),
      .init("200 INVITE", contact), .init("200 BYE"), .init("200 PUBLISH", missing: "SIP-ETag"),
      .init("200 PUBLISH", "SIP-ETag: 1"), .init("401 REGISTER", missing: "WWW-Authenticate"),
      .init("407 INVITE", missing: "Proxy-Authenticate"), .init("407 INVITE", "Proxy-Authenticate: Digest realm=\"a\""),
      .init("405 NEW", missing: "Allow"), .init("420 INVITE", missing: "Unsupported"),
      .init("421 INVITE", missing: "Require"),
      .init("422 INVITE", missing: "Min-SE"), .init("423 REGISTER", missing: "Min-Expires"),
      .init("489 SUBSCRIBE", missing: "Allow-Events"), .init("494 INVITE", missing: "Security-Server"),
      .init("500 INVITE"),
    ]
  }

  @Test("what is missing in requests and responses", arguments: Row.all)
  func messages(_ row: Row) throws {
    let words = row.what.split(separator: " ").map(String.init)
    let method = words.last ?? ""
    let start = words.count > 1 ? "SIP/2.0 \(words[0]) X" : "\(method) sip:bob@b.example SIP/2.0"
    let issues = try issues(lines(start, method: method, row.headers))
    #expect(Set(issues.map(\.location)) == Set(row.missing))
    #expect(issues.allSatisfy { $0.layer == .validation && $0.offset == 0 && $0.message == "is missing" })
  }

  @Test("RFC 4475 §3.4.1: less is asked of an RFC 2543 client, which its branch shows")
  func oldClients() throws {
    let start = "INVITE sip:bob@b.example SIP/2.0"
    #expect(try issues(lines(start, method: "INVITE", branch: "1", [])) == [])
    #expect(try issues(lines(start, method: "INVITE", branch: "Z9HG4BK1", [])) == [])
    var without = lines(start, method: "INVITE", [])
    without[1] = "Via: SIP/2.0/UDP 192.0.2.1"
    #expect(try issues(without) == [])
  }

  @Test("a malformed field is one that is there")
  func malformed() throws {
    let found = try issues(lines("INVITE sip:bob@b.example SIP/2.0", method: "INVITE", ["Contact: <"]))
    #expect(found.map(\.layer) == [.header])
  }

  @Test("RFC 3261 §20.15: a body has a type")
  func typeOfBody() throws {
    let head = lines("MESSAGE sip:bob@b.example SIP/2.0", method: "MESSAGE", [])
    #expect(try issues(head, body: "hi").map(\.location) == ["Content-Type"])
    #expect(try issues(head + ["c: text/plain"], body: "hi") == [])
    #expect(try issues(head) == [])
  }

  @Test(
    "RFC 3261 §8.1.1.8, §20.10: one address where a dialog is made, and * by itself in a REGISTER",
    arguments: [
      ("INVITE", ["Contact: <sip:a@a.example>, <sip:b@b.example>"], 0, "a request of this method has one address"),
      (
        "INVITE", ["Contact: <sip:a@a.example>", "m: <sip:b@b.example>"], 1, "a request of this method has one address"
      ),
      ("INVITE", ["Contact: *"], 0, "\"*\" stands in a REGISTER only"),
      ("OPTIONS", ["Contact: <sip:a@a.example>, <sip:b@b.example>"], -1, ""),
      ("REGISTER", ["Contact: <sip:a@a.example>, <sip:b@b.example>", "Contact: <sip:c@c.example>"], -1, ""),
      ("REGISTER", ["Contact: *", "Expires: 0"], -1, ""),
      ("REGISTER", ["Contact: *", "Contact: *"], 1, "\"*\" stands alone"),
      ("REGISTER", ["m: <sip:a@a.example>", "m: *"], 1, "\"*\" stands alone"),
    ])
  func contacts(_ method: String, _ contacts: [String], _ line: Int, _ message: String) throws {
    let head = lines("\(method) sip:bob@b.example SIP/2.0", method: method, [])
    let found = try issues(head + contacts)
    guard line >= 0 else { return #expect(found == []) }
    let offset = (head + contacts[..<line]).reduce(0) { $0 + $1.utf8.count + 2 }
    #expect(found.map(\.message) == [message])
    #expect(found.map(\.offset) == [offset])
    #expect(found.map(\.layer) == [.validation])
  }

  @Test("RFC 3261 §7.2: status codes have six classes", arguments: ["099", "000", "700", "999", "70", "4294967301"])
  func statusCodes(_ code: String) throws {
    let found = try issues(lines("SIP/2.0 \(code) X", method: "OPTIONS", []))
    #expect(found.first?.layer == .startLine)
    #expect(try issues(lines("SIP/2.0 199 X", method: "OPTIONS", [])) == [])
    #expect(try issues(lines("SIP/2.0 699 X", method: "OPTIONS", [])) == [])
  }

  @Test("a start line that is folded is none, whatever its next line says", arguments: [6, 26])
  func foldedStartLine(_ place: Int) throws {
    var start = "OPTIONS sip:bob@b.example SIP/2.0"
    start.insert(contentsOf: "\r\n", at: start.index(start.startIndex, offsetBy: place == 6 ? 7 : 25))
    let found = try issues(lines(start, method: "OPTIONS", []))
    #expect(found.map(\.layer) == [.startLine])
    #expect(found.first?.offset == (place == 6 ? 7 : 25))
  }

  struct Value: Sendable, CustomTestStringConvertible {
    var header: String
    var value: String
    /// Where and what the parser objects to; none for a value that is valid.
    var objection: (offset: Int, expected: String)?
    var testDescription: String { "\(header): \(value)" }

    init(_ header: String, _ value: String, at offset: Int? = nil, _ expected: String = "") {
      self.header = header
      self.value = value
      objection = offset.map { ($0, expected) }
    }

    static let all: [Value] = [
      .init("Contact", "*;expires=0", at: 1, "the end of the header field"),
      .init("Contact", "*, <sip:a@b.example>", at: 1, "the end of the header field"),
      .init("Contact", "<sip:a@b.example>, *", at: 19, "scheme"), .init("Contact", "* <sip:a@b.example>"),
      .init("Reply-To", "<tel:7042;phone-context=example.com>"),
      .init("Reply-To", "<tel:863-1234;phone-context=+1-914-555>"),
      .init("Reply-To", "<tel:7042>", at: 9, "the parameter phone-context"),
      .init("Reply-To", "<tel:7042;ext=1>", at: 15, "the parameter phone-context"),
      .init("Reply-To", "<tel:7042;phone-context=914>", at: 24, "phone-context"),
      .init("Reply-To", "<tel:+1-201;phone-context=+1;isub=12?/3;ext=1-2>"),
      .init("Reply-To", "<tel:+1-201?Subject=x>", at: 11, "\">\""),
      .init("Reply-To", "<tel:+(-)>", at: 5, "phone-number"),
      .init("Reply-To", "<tel:+1;ext=1;ext=1>", at: 14, "another parameter, ext being there already"),
      .init("Reply-To", "<tel:+1;ext=a>", at: 12, "extension"), .init("Reply-To", "tel:911", at: 4, "global-number"),
      .init("Reply-To", "<sip:-b.example>", at: 5, "host"), .init("Reply-To", "<sip:a@b-.example>", at: 8, "\">\""),
      .init("Reply-To", "<sip:a@b.example->", at: 16, "\">\""), .init("Reply-To", "<sip:a@_b-c_d.e_x>"),
      .init("Replaces", "1;to-tag=a;from-tag=b;early-only"),
      .init("Replaces", "1;to-tag=a", at: 10, "the parameter from-tag"),
      .init("Join", "1;from-tag=a;x", at: 14, "the parameter to-tag"),
      .init("Target-Dialog", "1;local-tag=a", at: 13, "the parameter remote-tag"),
      .init("Identity", "abc;alg=ES256", at: 13, "the parameter info"), .init("Identity", "\"abc\""),
      .init("History-Info", "<sip:a@b.example>;index=1, <sip:a@b.example>", at: 44, "the parameter index"),
      .init("Content-Type", "Multipart/mixed", at: 15, "the parameter boundary"), .init("Content-Type", "multiparty/x"),
      .init(
        "Request-Disposition", "fork, x", at: 6,
        "\"proxy\", \"redirect\", \"cancel\", \"no-cancel\", \"fork\", \"no-fork\", \"recurse\", \"no-recurse\", \"parallel\", \"sequential\", \"queue\" or \"no-queue\" (directives)"
      ),
      .init("Session-Expires", "90;refresher=both", at: 13, "\"uac\" or \"uas\" (refresher)"),
      .init("P-Served-User", "<sip:a@b.example>;sescase=x", at: 26, "\"orig\" or \"term\" (sescase)"),
      .init("Authorization", "Basic YQ==", at: 9, "auth-value"), .init("Authorization", "Bearer YQ=="),
    ]
  }

  @Test("values that are of the ABNF, but not of the RFC", arguments: Value.all)
  func values(_ value: Value) throws {
    let head = lines("OPTIONS sip:bob@b.example SIP/2.0", method: "OPTIONS", [])
    let start = head.reduce(0) { $0 + $1.utf8.count + 2 } + value.header.utf8.count + 2
    let found = try issues(head + ["\(value.header): \(value.value)"]).filter { $0.layer == .header }
    #expect(found.map(\.offset) == (value.objection.map { [start + $0.offset] } ?? []))
    #expect(found.map(\.message) == (value.objection.map { ["expected \($0.expected)"] } ?? []))
  }
}
