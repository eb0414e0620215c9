import SIPStack
import Testing
import XMPPStack

@testable import Gateway

private func table(_ routes: String, sip: String = "proxy_host = 'sip.example.net'") throws -> RoutingTable {
  let text = """
    [sip]
    \(sip)
    [xmpp]
    mode = "component"
    [xmpp.component]
    domain = "sip.example.org"
    user_domain = "Example.ORG"
    secret = "s"
    \(routes)
    """
  return RoutingTable(try ConfigurationFile(parsing: Array(text.utf8), file: "f").configuration)
}

private func route(_ name: String, from: String = "'*'", to: String, _ more: String = "") -> String {
  "[[route]]\nname = '\(name)'\nfrom = [\(from)]\nto = [\(to)]\n\(more)\n"
}

extension RoutingTable {
  /// In short: `germany: +4930 via sip.example.net:5060`, or why not. `callee` is a contact before it is escaped.
  fileprivate func decide(_ callee: String, by caller: String = "alice@example.org") throws -> String {
    let caller = try #require(JID(caller))
    guard let contact = JID(local: JID.escapedLocal(callee), domain: "sip.example.org"),
      let callee = SIPCallee(contact: contact)
    else { return "no contact" }
    switch decide(caller: caller, callee: callee) {
    case .forbidden(let refusal): return "\(refusal)"
    case .allowed(let call):
      return "\(call.route ?? "-"): \(call.user)\(call.host.map { "@\($0)" } ?? "") via "
        + call.proxies.map(\.description).joined(separator: ", ")
    }
  }
}

private let none = "\(RoutingRefusal.noRoute)"
private let unusable = "\(RoutingRefusal.unusableCallee)"

@Suite("Routes: who may call whom")
struct RoutingTests {
  @Test("without routes the users of our domain may call, and nobody else")
  func withoutRoutes() throws {
    let table = try table("")
    let proxy = "sip.example.net:5060"
    #expect(try table.decide("+49 30 123") == "-: +4930123 via \(proxy)")
    #expect(try table.decide("reception") == "-: reception via \(proxy)")
    #expect(try table.decide("bob@pbx.example.com") == "-: bob@pbx.example.com via \(proxy)")
    #expect(try table.decide("bob@2001:DB8:0::1") == "-: bob@[2001:db8::1] via \(proxy)")
    #expect(try table.decide("100", by: "ALICE@Example.Org/phone") == "-: 100 via \(proxy)")
    #expect(try table.decide("100", by: "alice@example.com") == none)
    #expect(try table.decide("100", by: "alice@chat.example.org") == none)
    #expect(try table.decide("100", by: "alice@sip.example.org") == none)
    #expect(try table.decide("100", by: "example.org") == "\(RoutingRefusal.noUser)")
    #expect(table.proxies.map(\.description) == [proxy])
  }

  @Test("in embedded mode the domain is that of the accounts")
  func embedded() throws {
    let table = RoutingTable(Configuration())
    #expect(try table.decide("phone", by: "alice@localhost") == "-: phone via localhost:5060")
    #expect(try table.decide("phone", by: "alice@example.org") == none)
  }

  @Test("the first route that fits decides, with all that it says")
  func first() throws {
    let table = try table(
      route("boss", from: "'boss@example.com'", to: "'*'", "caller = '+49301000'\nproceed = 'when-answered'")
        + route("expensive", to: "'0900*', '+49900*', '+490900*'", "deny = true")
        + route(
          "germany", from: "'example.org'", to: "'+49*', '0*'",
          "strip = '0'\nprefix = '+49'\nproxies = ['sip1.example.net', 'sip2.example.net:5080;transport=tcp']\n"
            + "asserted_identity = true")
        + route("pbx", from: "'example.org'", to: "'*@pbx.example.org', '1*'")
        + route("others", from: "'example.com'", to: "'reception'"))
    let two = "sip1.example.net:5060, sip2.example.net:5080;transport=tcp"
    #expect(try table.decide("+4930123") == "germany: +4930123 via \(two)")
    #expect(try table.decide("030 123") == "germany: +4930123 via \(two)")
    #expect(try table.decide("0900123") == "route \"expensive\" denies it")
    #expect(try table.decide("0900123", by: "boss@example.com") == "boss: 0900123 via sip.example.net:5060")
    #expect(try table.decide("bob@pbx.example.org") == "pbx: bob@pbx.example.org via sip.example.net:5060")
    #expect(try table.decide("bob@PBX.Example.Org.") == "pbx: bob@pbx.example.org via sip.example.net:5060")
    #expect(try table.decide("bob@pbx.example.org", by: "carol@example.com") == none)
    #expect(try table.decide("reception", by: "carol@example.com") == "others: reception via sip.example.net:5060")
    #expect(try table.decide("receptions", by: "carol@example.com") == none)
    #expect(try table.decide("+1202", by: "alice@example.org") == none)
    let caller = try #require(JID("boss@example.com"))
    #expect(
      table.decide(caller: caller, callee: .number("7"))
        == .allowed(
          RoutedCall(
            route: "boss", proxies: [ProxyTarget(host: "sip.example.net", port: 5060, transport: .udp)], user: "7",
            host: nil, caller: "+49301000", assertedIdentity: false, proceed: .whenAnswered)))
    guard
      case .allowed(let call) = table.decide(
        caller: try #require(JID("alice@example.org")), callee: .number("0301"))
    else {
      Issue.record("forbidden")
      return
    }
    #expect(call.caller == "alice" && call.assertedIdentity && call.proceed == .atOnce)
    #expect(table.proxies.map(\.description) == ["sip.example.net:5060"] + two.split(separator: ", ").map(String.init))
  }

  @Test("the default proxy is no proxy of ours where every route names another one")
  func proxies() throws {
    let routes = route("a", to: "'*'", "proxies = ['a', 'b', 'a:5060']") + route("b", to: "'1'", "deny = true")
    #expect(try table(routes).proxies.map(\.description) == ["a:5060", "b:5060"])
  }

  @Test("username_to_phone is applied before it is decided, to callers and callees")
  func numbers() throws {
    let table = try table(
      route("local", to: "'+4930*'"),
      sip: """
        username_to_phone = [
          { username = "alice", phone = "+49301" }, { username = "bob", phone = "+49(30)2" },
          { username = "carol", phone = "0900" },
        ]
        """)
    #expect(try table.decide("bob") == "local: +49302 via localhost:5060")
    #expect(try table.decide("carol") == none)
    #expect(try table.decide("dave") == none)
    guard
      case .allowed(let call) = table.decide(
        caller: try #require(JID("alice@example.org")), callee: .number("bob"))
    else {
      Issue.record("forbidden")
      return
    }
    #expect(call.caller == "+49301")
  }

  @Test("escapes of XEP-0106 in the caller's name are taken off")
  func callerEscapes() throws {
    let table = try table("")
    guard
      case .allowed(let call) = table.decide(
        caller: try #require(JID(#"o\27neill@example.org"#)), callee: .number("1"))
    else {
      Issue.record("forbidden")
      return
    }
    #expect(call.caller == "o'neill")
  }

  @Test("strip and prefix change numbers only, and only those that begin with what is stripped")
  func rewriting() throws {
    let table = try table(
      route("world", to: "'00*'", "strip = '00'\nprefix = '+'")
        + route("rest", to: "'*'", "strip = '0'\nprefix = '+49'"))
    #expect(try table.decide("0044 20 1") == "world: +44201 via sip.example.net:5060")
    #expect(try table.decide("030") == "rest: +4930 via sip.example.net:5060")
    #expect(try table.decide("+1202") == "rest: +1202 via sip.example.net:5060")
    #expect(try table.decide("0bob") == "rest: 0bob via sip.example.net:5060")
    #expect(try table.decide("0301@pbx.example.org") == "rest: 0301@pbx.example.org via sip.example.net:5060")
    #expect(try table.decide("00") == "what route \"world\" makes of the number is none")
    #expect(try table.decide("000") == "what route \"world\" makes of the number is none")
    // A prefix on a number that has one already is a mistake of the configuration, and nobody's number.
    let twice = try self.twice()
    #expect(try twice.decide("+4930") == "what route \"twice\" makes of the number is none")
    #expect(try twice.decide("30") == "twice: +4930 via sip.example.net:5060")
  }

  private func twice() throws -> RoutingTable { try table(route("twice", to: "'*'", "prefix = '+49'")) }
}

@Suite("Routes against toll fraud")
struct TollFraudTests {
  /// Germany, but no premium numbers.
  private func germany() throws -> RoutingTable {
    try table(
      route("premium", to: "'0900*', '+49900*', '+490*'", "deny = true")
        + route(
          "germany", from: "'example.org'", to: "'0*', '+49*', '*@pbx.example.org'", "strip = '0'\nprefix = '+49'"))
  }

  @Test(
    "whatever somebody writes between the digits",
    arguments: [
      "0900 123", "0900-123", "(0900)123", "0 9 0 0 1", ".0900", "-0900", "(0)900", "0.9.0.0", "+49 900 1", "+49(900)1",
      "+49 (0)900 1",
    ])
  func separators(number: String) throws {
    #expect(try germany().decide(number) == "route \"premium\" denies it")
  }

  @Test("what a route makes of a number is denied as the number itself is")
  func rewritten() throws {
    // 0 0900 becomes +49 0900, and 0 900 becomes +49 900.
    #expect(try germany().decide("00900123") == "route \"premium\" denies it")
    let table = try table(
      route("premium", to: "'+49900*'", "deny = true") + route("all", to: "'*'", "strip = '0'\nprefix = '+49'"))
    #expect(try table.decide("0900") == "route \"premium\" denies it")
    #expect(try table.decide("0800") == "all: +49800 via sip.example.net:5060")
    let exchange = try self.exchange()
    #expect(try exchange.decide("90900") == "route \"premium\" denies it")
    #expect(try exchange.decide("9030") == "line: 030 via sip.example.net:5060")
  }

  private func exchange() throws -> RoutingTable {
    try table(route("premium", to: "'0900*'", "deny = true") + route("line", to: "'9*'", "strip = '9'"))
  }

  @Test("a route that denies is of no account for those that stand before it, and for other callers")
  func order() throws {
    let table = try table(
      route("boss", from: "'boss@example.org'", to: "'*'", "strip = '0'\nprefix = '+49'")
        + route("interns", from: "'intern@example.org'", to: "'+49*'", "deny = true")
        + route("all", to: "'*'", "strip = '0'\nprefix = '+49'"))
    #expect(try table.decide("030", by: "boss@example.org") == "boss: +4930 via sip.example.net:5060")
    #expect(try table.decide("030", by: "intern@example.org") == "route \"interns\" denies it")
    #expect(try table.decide("030") == "all: +4930 via sip.example.net:5060")
  }

  @Test(
    "what could be one number for us and another one for a proxy is nobody",
    arguments: [
      "+49;phone-context=0900", "0900;isub=1", "%30900", "+49%40evil", "0900%3B", "030\r\nX: 1", "030\u{0}900",
      "030\t1",
      "0+900", "++49", "+", "+0900", "+490+1", "49+", "030,,1", "030p1;w", "030&1", "030=1", "030/1", "030?1", "030$1",
      "030:1", "sip:0900", "tel:0900", "a b", "<0900>", "\"0900\"", #"03\0"#, "", " ", "...", "()", "030@",
      "@pbx.example.org", "030@a@pbx.example.org",
    ])
  func ambiguous(callee: String) throws {
    let decision = try germany().decide(callee)
    #expect(decision == unusable || decision == "no contact", "\(decision)")
    // Nor where everything is allowed, nor by a caller of the codecs who has not come by an address.
    let open = try table(route("open", to: "'*'"))
    for table in [open, try table("")] {
      let alice = try #require(JID("alice@example.org"))
      #expect(table.decide(caller: alice, callee: .number(callee)) == .forbidden(.unusableCallee))
      #expect(
        table.decide(caller: alice, callee: .address(user: callee, host: "pbx.example.org"))
          == .forbidden(.unusableCallee))
    }
  }

  @Test(
    "digits of other scripts are no digits",
    arguments: [
      "٠٩٠٠", "０９００", "030²", "①", "0३0", "Ⅸ", "0\u{FE0F}\u{20E3}", "03\u{200B}0", "\u{202E}0090", "030\u{A0}1", "〇九",
    ])
  func scripts(number: String) throws {
    #expect(try germany().decide(number) != "germany: \(number) via sip.example.net:5060")
    for table in [try germany(), try table("")] {
      #expect(
        table.decide(caller: try #require(JID("alice@example.org")), callee: .number(number))
          == .forbidden(.unusableCallee))
    }
  }

  @Test("letters of other scripts are names")
  func letters() throws {
    #expect(try table("").decide("müller") == "-: müller via sip.example.net:5060")
    #expect(try table("").decide("борис") == "-: борис via sip.example.net:5060")
  }

  @Test("names that a dial plan would read as a number are denied as that number")
  func names() throws {
    let table = try table(route("premium", to: "'0900*'", "deny = true") + route("all", to: "'*'"))
    for name in ["0-900a", "0_900x", "0.9.0.0.a", "0900abc", "(0)900x", "0+900a", "~0900a", "0!900'1"] {
      #expect(try table.decide(name) == "route \"premium\" denies it", "\(name)")
    }
    #expect(try table.decide("a-b.c_d") == "all: a-b.c_d via sip.example.net:5060")
    // JIDs have no upper case: a pattern that has some fits nevertheless.
    let upper = try self.upper()
    #expect(try upper.decide("alarm") == "route \"alarm\" denies it")
  }

  private func upper() throws -> RoutingTable {
    try table(route("alarm", to: "'Alarm'", "deny = true") + route("all", to: "'*'"))
  }

  @Test("a number is the same at a proxy's own host, and denied at every host")
  func hosts() throws {
    let table = try germany()
    #expect(try table.decide("0900@sip.example.net") == "route \"premium\" denies it")
    #expect(try table.decide("0900@SIP.example.net.") == "route \"premium\" denies it")
    #expect(try table.decide("0900@192.0.2.1") == "route \"premium\" denies it")
    #expect(try table.decide("0900@pbx.example.org") == "route \"premium\" denies it")
    #expect(try table.decide("030@sip.example.net") == "germany: +4930 via sip.example.net:5060")
    #expect(try table.decide("030@pbx.example.org") == "germany: 030@pbx.example.org via sip.example.net:5060")
    // What is allowed as a number is not allowed at any host.
    #expect(try table.decide("+4930@evil.example") == none)
    #expect(try table.decide("030@pbx.example.org.evil.example") == none)
  }

  @Test(
    "hosts that are none",
    arguments: [
      "pbx.example.org:5070", "pbx.example.org;maddr=192.0.2.1", "pbx.example.org;transport=tcp", "pbx.example.org?a=b",
      "127.1", "0x7f000001", "2130706433", "[::1", "a b", "pbx.example.org>", "pbx%2eexample.org", "ä.example",
      "pbx..example.org", "-", "pbx.example.org\r\n", "",
    ])
  func badHosts(host: String) throws {
    let table = try table(route("open", to: "'*', '*@*'"))
    #expect(
      table.decide(caller: try #require(JID("alice@example.org")), callee: .address(user: "bob", host: host))
        == .forbidden(.unusableCallee))
  }

  @Test("addresses of one machine in one spelling")
  func spellings() throws {
    let table = try table(route("no", to: "'*@127.0.0.1', '*@[2001:db8::1]'", "deny = true") + route("all", to: "'*'"))
    for host in ["127.0.0.1", "::ffff:127.0.0.1", "[::ffff:7f00:1]", "2001:db8::1", "[2001:DB8:0:0::1]"] {
      #expect(try table.decide("bob@\(host)") == "route \"no\" denies it", "\(host)")
    }
  }

  @Test("numbers are bounded")
  func length() throws {
    let table = try table(route("all", to: "'*'", "strip = '0'\nprefix = '+49'"))
    func digits(_ count: Int) -> String { String(repeating: "3", count: count) }
    #expect(try table.decide(digits(64)) == "all: \(digits(64)) via sip.example.net:5060")
    #expect(try table.decide(digits(65)) == unusable)
    #expect(try table.decide("0" + digits(63)) == "what route \"all\" makes of the number is none")
    #expect(try table.decide(String(repeating: "a", count: 255)).hasPrefix("all: "))
    #expect(try table.decide(String(repeating: "a", count: 256)) == unusable)
    #expect(
      table.decide(
        caller: try #require(JID("alice@example.org")), callee: .number(String(repeating: "1-", count: 1 << 20)))
        == .forbidden(.unusableCallee))
  }

  @Test("what is dialled is what was decided on: any text that is allowed fits the pattern that allows it")
  func noise() throws {
    let table = try table(route("some", to: "'+4930*', 'a*'"))
    let alice = try #require(JID("alice@example.org"))
    var generator = SystemRandomNumberGenerator()
    let pieces = ["+", "49", "30", "-", " ", "(", ")", "a", "%", ";", "@", "\\", "#", "*", "0900", "\u{0}", "٠", "."]
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...6, using: &generator)
      let text = (0..<count).compactMap { _ in pieces.randomElement(using: &generator) }.joined()
      guard case .allowed(let call) = table.decide(caller: alice, callee: .number(text)) else { continue }
      #expect(call.user.hasPrefix("+4930") || call.user.hasPrefix("a"))
      #expect(call.user.utf8.allSatisfy { !"%;@\\ \u{0}".utf8.contains($0) })
      // Decided on again it stays the same.
      #expect(table.decide(caller: alice, callee: .number(call.user)) == .allowed(call))
    }
  }
}

@Suite("Patterns")
struct GlobTests {
  @Test(
    "what fits",
    arguments: [
      ("", "", true), ("", "a", false), ("a", "a", true), ("a", "A", true), ("A", "a", true), ("a", "ab", false),
      ("*", "", true), ("*", "abc", true), ("a*", "a", true), ("a*", "ba", false), ("*a", "ba", true),
      ("*a", "ab", false),
      ("a*a", "a", false), ("a*a", "aa", true), ("a*b*c", "aXbYc", true), ("a*b*c", "aXcYb", false),
      ("*ab*ab*", "ab", false), ("*ab*ab*", "abab", true), ("*aab*", "aaab", true), ("**", "x", true),
      (#"\**"#, "*21#", true), (#"\**"#, "21#", false), (#"\*21\**"#, "*21*0900", true), ("+49*", "+4930", true),
      ("+49*", "49", false), ("ä*", "äb", true), ("*abab*c", "abaababc", true), ("a*bc*bc", "abc", false),
    ])
  func fits(pattern: String, text: String, result: Bool) { #expect(Glob(pattern).matches(text) == result) }

  @Test("stars cost nothing")
  func stars() {
    let text = String(repeating: "a", count: 100_000)
    #expect(!Glob(String(repeating: "a*", count: 200) + "b*").matches(text))
    #expect(!Glob("*" + String(repeating: "a", count: 50_000) + "b*").matches(text))
    #expect(Glob(String(repeating: "*a", count: 200)).matches(text))
  }

  @Test("as the definition says, on texts that chance has made")
  func definition() {
    func fits(_ pattern: Substring, _ text: Substring) -> Bool {
      guard let first = pattern.first else { return text.isEmpty }
      if first == "*" { return fits(pattern.dropFirst(), text) || !text.isEmpty && fits(pattern, text.dropFirst()) }
      return text.first == first && fits(pattern.dropFirst(), text.dropFirst())
    }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      func some(_ characters: [String], _ count: Int) -> String {
        (0..<Int.random(in: 0...count, using: &generator)).compactMap { _ in
          characters.randomElement(using: &generator)
        }.joined()
      }
      let pattern = some(["a", "b", "*"], 8)
      let text = some(["a", "b"], 10)
      #expect(Glob(pattern).matches(text) == fits(pattern[...], text[...]), "\(pattern) \(text)")
    }
  }

  @Test("callers: everyone, domains without regard to case, users")
  func callers() throws {
    let alice = try #require(JID("alice@example.org/phone"))
    #expect(try #require(CallerPattern("*")).fits(alice))
    #expect(try #require(CallerPattern("EXAMPLE.org.")).fits(alice))
    #expect(try #require(CallerPattern("Alice@Example.Org")).fits(alice))
    #expect(try !#require(CallerPattern("example.com")).fits(alice))
    #expect(try !#require(CallerPattern("bob@example.org")).fits(alice))
    #expect(try !#require(CallerPattern("ample.org")).fits(alice))
    #expect(CallerPattern("*.example.org") == nil && CallerPattern("alice@example.org/phone") == nil)
  }
}
