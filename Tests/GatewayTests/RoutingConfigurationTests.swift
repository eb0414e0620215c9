import Gateway
import SIPStack
import Testing
import XMPPStack

private func read(_ text: String) throws -> ConfigurationFile {
  try ConfigurationFile(parsing: Array(text.utf8), file: "f")
}

private func errors(_ text: String) -> [String] {
  do throws(ConfigurationError) {
    _ = try ConfigurationFile(parsing: Array(text.utf8), file: "f")
    return []
  } catch { return error.description.split(separator: "\n").map(String.init) }
}

@Suite("Configuration of routes and rights")
struct RoutingConfigurationTests {
  @Test("defaults, without a warning")
  func defaults() throws {
    let file = try read("")
    #expect(file.warnings.isEmpty)
    let configuration = file.configuration
    #expect(configuration.sip.strangers == .forbidden && configuration.sip.trusted.isEmpty)
    #expect(configuration.routes.isEmpty)
    let limits = configuration.calls.limits(of: configuration.xmpp)
    #expect(limits.calls == .max && limits.attemptsPerSecond == 1_000_000)
    let server = ComponentXMPPConfiguration(domain: "sip.example.org", userDomain: "example.org", secret: "s")
    #expect(configuration.calls.limits(of: .component(server)) == (10, 5))
    #expect(configuration.calls.ringSeconds == 180)
    #expect(configuration.sip.proxy == ProxyTarget(host: "localhost", port: 5060, transport: .udp))
    let component = ComponentXMPPConfiguration(domain: "a", userDomain: "b", secret: "c")
    #expect(component.name == "SIP gateway" && !component.pstn && !component.intercept)
    #expect(component.subscriptions == nil)
  }

  @Test("every key but those of routes")
  func keys() throws {
    let file = try read(
      """
      [sip]
      strangers = "silence"
      trusted = ["192.0.2.7", "198.51.100.0/24", "2001:db8::/32", "::ffff:203.0.113.0/120"]
      [calls]
      per_user = 2
      per_user_per_second = 1
      ring_seconds = 30
      [xmpp]
      mode = "component"
      [xmpp.component]
      domain = "sip.example.org"
      user_domain = "example.org"
      secret = "s"
      name = "Telephone"
      pstn = true
      intercept = true
      subscriptions = "/var/lib/sip/subscriptions"
      """)
    #expect(file.warnings.isEmpty)
    let configuration = file.configuration
    #expect(configuration.sip.strangers == .silence)
    #expect(
      configuration.sip.trusted.map(\.description) == [
        "192.0.2.7", "198.51.100.0/24", "2001:db8::/32", "203.0.113.0/24",
      ])
    #expect(configuration.calls.perUser == 2 && configuration.calls.perUserPerSecond == 1)
    #expect(configuration.calls.ringSeconds == 30)
    var component = ComponentXMPPConfiguration(domain: "sip.example.org", userDomain: "example.org", secret: "s")
    component.name = "Telephone"
    component.pstn = true
    component.intercept = true
    component.subscriptions = "/var/lib/sip/subscriptions"
    #expect(configuration.xmpp == .component(component))
  }

  @Test("every key of a route, and a route that has none but the needed ones")
  func routes() throws {
    let file = try read(
      """
      [sip]
      transport = "tcp"
      [[route]]
      name = "germany"
      from = ["example.org", "boss@example.com"]
      to = ["+49 30*", "0*", "*@pbx.example.org"]
      proxies = ["sip1.example.net", "[2001:db8::1]:5080;transport=udp", "192.0.2.1;transport=tls"]
      strip = "0"
      prefix = "+49"
      caller = "+49 (30) 123-456"
      asserted_identity = true
      proceed = "when-answered"

      [[route]]
      from = ["*"]
      to = ["*"]
      deny = true
      """)
    #expect(file.warnings.isEmpty)
    let routes = file.configuration.routes
    try #require(routes.count == 2)
    let boss = try #require(JID("boss@example.com"))
    #expect(routes[0].name == "germany" && !routes[0].deny)
    #expect(routes[0].from == [.domain("example.org"), .user(boss)])
    #expect(routes[0].to == ["+4930*", "0*", "*@pbx.example.org"].compactMap { CalleePattern($0) })
    #expect(
      routes[0].proxies.map(\.description) == [
        "sip1.example.net:5060;transport=tcp", "[2001:db8::1]:5080", "192.0.2.1:5061;transport=tls",
      ])
    #expect(routes[0].strip == "0" && routes[0].prefix == "+49" && routes[0].caller == .fixed("+4930123456"))
    #expect(routes[0].assertedIdentity && routes[0].proceed == .whenAnswered)
    var second = Route(name: "route 2", from: [.everyone], to: ["*"].compactMap { CalleePattern($0) })
    #expect(second.caller == .user && second.proceed == .atOnce && second.proxies.isEmpty)
    second.deny = true
    #expect(routes[1] == second)
  }

  @Test("what a route that denies has no use for, and networks that are everybody, are told")
  func warnings() throws {
    let text = """
      [[route]]
      from = ["*"]
      to = ["0900*"]
      deny = true
      prefix = "1"
      [sip]
      trusted = [
        "0.0.0.0/0"]
      """
    #expect(
      try read(text).warnings.map { $0.text(file: "f") } == [
        "f:5: `prefix` is passed over: `deny` is true",
        "f:7: `trusted`: 0.0.0.0/0 is everybody: whoever sends a request may call",
      ])
  }

  @Test(
    "what is refused outside of routes",
    arguments: [
      (
        "[sip]\nstrangers = 403", "2: `strangers` is an integer, it has to be a string"
      ),
      (
        "[sip]\nstrangers = '404'",
        "2: `strangers` is \"404\", it has to be one of \"403\", \"silence\"; did you mean \"403\"?"
      ),
      ("[sip]\ntrusted = '192.0.2.1'", "2: `trusted` is a string, it has to be an array of strings"),
      ("[sip]\ntrusted = [\n  1]", "3: an element of `trusted` is an integer, it has to be a string"),
      (
        "[sip]\ntrusted = [\n  '192.0.2.0/33']",
        "3: an element of `trusted` is \"192.0.2.0/33\", which is no IP address and no network"
      ),
      (
        "[sip]\ntrusted = ['proxy.example.net']",
        "2: an element of `trusted` is \"proxy.example.net\", which is no IP address and no network"
      ),
      (
        "[sip]\ntrusted = ['192.0.2.1/24']",
        "2: an element of `trusted` is \"192.0.2.1/24\", which is no IP address and no network; "
          + "did you mean \"192.0.2.0/24\"?"
      ),
      ("[calls]\nper_user = 0", "2: `per_user` is 0, it is a number from 1 to 100000"),
      (
        "[calls]\nper_user_per_second = 1.5",
        "2: `per_user_per_second` is a floating-point number, it has to be an integer"
      ),
      ("[calls]\nring_seconds = 3601", "2: `ring_seconds` is 3601, it is a number from 1 to 3600"),
      ("[calls]\nperuser = 1", "2: there is no key `peruser` in [calls]; did you mean `per_user`?"),
      ("[xmpp.component]\npstn = 'yes'", "2: `pstn` is a string, it has to be a boolean"),
      ("[xmpp.component]\nname = ''", "2: `name` is empty"),
      ("[xmpp.component]\nname = \"a\\nb\"", "2: `name` is \"a\\nb\", which has a control character"),
      ("[[calls]]", "1: `calls` is an array, it has to be a table"),
      ("[route]", "1: `route` is a table, it has to be an array of tables"),
    ])
  func values(text: String, reason: String) { #expect(errors(text) == ["f:\(reason)"]) }

  @Test("a route without callers or callees")
  func missing() {
    #expect(
      errors("[[route]]\nname = 'a'\n\n[[route]]\nfrom = ['*']") == [
        "f:1: `from` is missing", "f:1: `to` is missing", "f:4: `to` is missing",
      ])
  }

  @Test(
    "what is refused in a route",
    arguments: [
      ("from = 'a'", "`from` is a string, it has to be an array of strings"),
      ("from = []", "`from` is empty: the route would be for nobody"),
      ("from = ['']", "an element of `from` is empty"),
      (
        "from = ['*@example.org']",
        "an element of `from` is \"*@example.org\", which is no domain, no bare address and not \"*\"; "
          + "did you mean \"example.org\"?"
      ),
      (
        "from = ['a@example.org/phone']",
        "an element of `from` is \"a@example.org/phone\", which is no domain, no bare address and not \"*\""
      ),
      ("to = []", "`to` is empty: the route would be for nobody"),
      ("to = ['']", "an element of `to` is empty"),
      ("to = ['a@b@c']", "an element of `to` is \"a@b@c\", which no number and no address fits"),
      ("to = ['0900;*']", "an element of `to` is \"0900;*\", which no number and no address fits"),
      ("to = ['%2B49*']", "an element of `to` is \"%2B49*\", which no number and no address fits"),
      ("to = ['0+49*']", "an element of `to` is \"0+49*\", which no number and no address fits"),
      ("to = ['*@']", "an element of `to` is \"*@\", which no number and no address fits"),
      ("to = ['@example.org']", "an element of `to` is \"@example.org\", which no number and no address fits"),
      ("to = ['*@a b']", "an element of `to` is \"*@a b\", which no number and no address fits"),
      (#"to = ['\0900']"#, #"an element of `to` is "\\0900", which no number and no address fits"#),
      ("to = ['٠٩٠٠*']", "an element of `to` is \"٠٩٠٠*\", which no number and no address fits"),
      ("proxies = []", "`proxies` is empty"),
      (
        "proxies = ['a:b']",
        "an element of `proxies` is \"a:b\", which is not HOST, HOST:PORT or either with ;transport=udp, tcp or tls"
      ),
      ("deny = 1", "`deny` is an integer, it has to be a boolean"),
      ("strip = 0", "`strip` is an integer, it has to be a string"),
      ("strip = 'a'", "`strip` is \"a\", which is no beginning of a number"),
      ("prefix = '4+9'", "`prefix` is \"4+9\", which is no beginning of a number"),
      ("caller = ''", "`caller` is empty"),
      ("caller = 'User'", "`caller` is \"User\"; did you mean \"user\"?"),
      ("caller = 'a@b'", "`caller` is \"a@b\", it has to be \"user\", a number or a name"),
      ("asserted_identity = 'no'", "`asserted_identity` is a string, it has to be a boolean"),
      (
        "proceed = 'answered'",
        "`proceed` is \"answered\", it has to be one of \"at-once\", \"when-answered\""
      ),
      ("proxie = ['a']", "there is no key `proxie` here; did you mean `proxies`?"),
    ])
  func route(line: String, reason: String) {
    var lines = ["[[route]]", line]
    if !line.hasPrefix("from") { lines.append("from = ['*']") }
    if !line.hasPrefix("to") { lines.append("to = ['*']") }
    #expect(errors(lines.joined(separator: "\n")) == ["f:2: \(reason)"])
  }
}

@Suite("Proxies")
struct ProxyTargetTests {
  @Test(
    "texts, and how they are written again",
    arguments: [
      ("sip.example.net", "sip.example.net:5060"), ("SIP.Example.Net.:5080", "sip.example.net:5080"),
      ("a;transport=TCP", "a:5060;transport=tcp"), ("a:1;transport=udp", "a:1"),
      ("a;transport=tls", "a:5061;transport=tls"), ("192.0.2.1:65535", "192.0.2.1:65535"),
      ("2001:DB8:0::1", "[2001:db8::1]:5060"), ("[2001:db8::1]:5062", "[2001:db8::1]:5062"),
      ("::ffff:192.0.2.1", "192.0.2.1:5060"), ("3cx:5060", "3cx:5060"), ("my_host", "my_host:5060"),
    ])
  func texts(text: String, written: String) throws {
    let target = try #require(ProxyTarget(text))
    #expect(target.description == written)
    #expect(ProxyTarget(written) == target)
    #expect(written.hasPrefix(target.uriHost + ":"))
  }

  @Test(
    "what is none",
    arguments: [
      "", ":5060", "a:", "a:0", "a:65536", "a:+1", "a:5060:1", "a b", "a;transport", "a;transport=ws",
      "a;transport=udp;lr",
      "a;lr", "sip:a", "u@a", "[::1", "::1]", "[::1]x", "[a]", "[192.0.2.1]", "127.1", "0x7f000001", "1", "-a", "a-.b",
      "a..b",
      "a\u{0}", "a\r\nb", "ä.example", String(repeating: "a", count: 64),
    ])
  func refused(text: String) { #expect(ProxyTarget(text) == nil) }
}
