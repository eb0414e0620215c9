import Gateway
import Testing

/// Reads a configuration; errors are given back as they are printed.
private func read(_ text: String) -> Result<ConfigurationFile, ConfigurationError> {
  do throws(ConfigurationError) {
    return .success(try ConfigurationFile(parsing: Array(text.utf8), file: "gateway.toml"))
  } catch { return .failure(error) }
}

private func errors(_ text: String) -> [String] {
  guard case .failure(let error) = read(text) else { return [] }
  return error.description.split(separator: "\n").map(String.init)
}

private func warnings(_ text: String) throws -> [String] {
  try read(text).get().warnings.map { $0.text(file: "gateway.toml") }
}

@Suite("Configuration: what is read")
struct ConfigurationTests {
  @Test("an empty file has the defaults of the contract")
  func defaults() throws {
    let configuration = try read("").get().configuration
    #expect(configuration == Configuration())
    #expect(configuration.sip.listenHost == "127.0.0.1" && configuration.sip.listenPort == 5600)
    #expect(configuration.sip.proxyHost == "localhost" && configuration.sip.proxyPort == 5060)
    #expect(configuration.sip.transport == .udp && configuration.sip.localHost == "localhost")
    #expect(configuration.sip.sdpOrigin == "127.0.0.1" && configuration.sip.numbers.isEmpty)
    let embedded = EmbeddedXMPPConfiguration()
    #expect(configuration.xmpp == .embedded(embedded))
    #expect(embedded.domain == "localhost" && embedded.listenHost == "127.0.0.1" && embedded.listenPort == 5222)
    #expect(embedded.accounts.isEmpty && embedded.tls == nil)
  }

  @Test("every key of the embedded mode")
  func embedded() throws {
    let file = try read(
      """
      [sip]
      listen_host = "0.0.0.0"
      listen_port = 0
      proxy_host = "[2001:db8::1]"
      proxy_port = 5080
      transport = "tls"
      udp_size_limit = 65507
      local_host = "gw.example.org"
      sdp_origin = "192.0.2.1"
      username_to_phone = [{ username = "2000006168", phone = "+919177074440" }]

      [xmpp]
      mode = "embedded"
      [xmpp.embedded]
      domain = "example.org"
      listen_host = "::1"
      listen_port = 65535
      accounts = [
        { username = "alice", password = "secret" }, # one
        { username = "bob", password = "geheim" },
      ]
      certificate = "cert.pem"
      private_key = "key.pem"
      """
    ).get()
    #expect(file.warnings.isEmpty)
    let sip = file.configuration.sip
    #expect(sip.listenHost == "0.0.0.0" && sip.listenPort == 0)
    #expect(sip.udpSizeLimit == 65507)
    #expect(sip.proxyHost == "2001:db8::1" && sip.proxyPort == 5080 && sip.transport == .tls)
    #expect(SIPConfiguration.uriHost(sip.proxyHost) == "[2001:db8::1]")
    #expect(sip.localHost == "gw.example.org" && sip.sdpOrigin == "192.0.2.1")
    #expect(sip.numbers.phone(of: "2000006168") == "+919177074440")
    #expect(sip.numbers.user(of: "+919177074440") == "2000006168")
    #expect(sip.numbers.phone(of: "alice") == "alice" && sip.numbers.user(of: "100") == "100")
    guard case .embedded(let embedded) = file.configuration.xmpp else {
      Issue.record("not embedded")
      return
    }
    #expect(embedded.domain == "example.org" && embedded.listenHost == "::1" && embedded.listenPort == 65535)
    #expect(embedded.accounts == ["alice": "secret", "bob": "geheim"])
    #expect(embedded.tls == .init(certificate: "cert.pem", privateKey: "key.pem"))
  }

  @Test("the component mode")
  func component() throws {
    let file = try read(
      """
      xmpp.mode = "component"
      [xmpp.component]
      host = "xmpp.example.org"
      domain = "sip.example.org"
      user_domain = "example.org"
      secret = "…"
      """
    ).get()
    var expected = ComponentXMPPConfiguration(domain: "sip.example.org", userDomain: "example.org", secret: "…")
    expected.host = "xmpp.example.org"
    #expect(expected.port == 5347)
    #expect(file.configuration.xmpp == .component(expected))
  }

  @Test("the predecessor's section is read the same way, other modules are passed over with a warning")
  func predecessor() throws {
    let text = """
      [modules.mod_jingle_sip]
      backend = "x"
      proxy_port = 5061
      transport = "tcp"
      [[modules.mod_jingle_sip.username_to_phone]]
      username = "2000006168"
      phone = "+919177074440"

      [modules.mod_ping]
      send_pings = true
      """
    let sip = try read(text).get().configuration.sip
    #expect(sip.proxyPort == 5061 && sip.transport == .tcp && sip.numbers.user(of: "+919177074440") == "2000006168")
    #expect(
      try warnings(text) == [
        "gateway.toml:2: `backend` is passed over", "gateway.toml:9: [modules.mod_ping] is passed over",
      ])
  }

  @Test("the line of a key that turns out to be of no use at the start, under either name of its section")
  func linesOfKeys() throws {
    let ours = try read("[sip]\nlisten_port = 1\nlisten_host = \"a\"\n").get()
    #expect(ours.line(of: ["sip", "listen_host"]) == 3)
    #expect(ours.line(of: ["sip", "transport"]) == 1)
    let predecessors = try read("\n[modules.mod_jingle_sip]\nlisten_host = \"a\"\n").get()
    #expect(predecessors.line(of: ["sip", "listen_host"]) == 3)
  }

  @Test("a section of the mode that is not chosen is passed over with a warning")
  func otherMode() throws {
    #expect(
      try warnings("[xmpp]\n[xmpp.component]\nport = 1\n") == [
        "gateway.toml:2: [xmpp.component] is passed over: `mode` is \"embedded\""
      ])
  }

  @Test("of two numbers of one user the first counts, with a warning")
  func numbers() throws {
    let text = """
      [sip]
      username_to_phone = [
        { username = "a", phone = "1" },
        { username = "a", phone = "2" },
        { username = "b", phone = "1" },
      ]
      """
    let numbers = try read(text).get().configuration.sip.numbers
    #expect(numbers.phone(of: "a") == "1" && numbers.user(of: "1") == "a" && numbers.user(of: "2") == "a")
    #expect(try warnings(text).map { $0.prefix(15) } == ["gateway.toml:4:", "gateway.toml:5:"])
  }
}

@Suite("Configuration: what is refused, with its line")
struct ConfigurationErrorTests {
  @Test("text that is no TOML")
  func syntax() {
    #expect(errors("[sip]\nlisten_port = \n").first?.hasPrefix("gateway.toml:2: ") == true)
    #expect(errors("[sip]\nlisten_port = 1\nlisten_port = 2\n").first?.hasPrefix("gateway.toml:3: ") == true)
    #expect(errors("[sip]\n\n[sip]\n").first?.hasPrefix("gateway.toml:3: ") == true)
    #expect(errors("[sip]\nx = 99999999999999999999\n").first?.hasPrefix("gateway.toml:2: ") == true)
    #expect(errors("\n[sip]\nproxy_host = \"a\0b\"") == ["gateway.toml:3: a NUL character"])
  }

  @Test("bytes that are no UTF-8, and files that are too large")
  func bytes() {
    func error(_ bytes: [UInt8]) -> String? {
      do throws(ConfigurationError) {
        _ = try ConfigurationFile(parsing: bytes, file: "f")
        return nil
      } catch { return error.description }
    }
    #expect(error([0x0A, 0x23, 0xFF, 0x0A]) == "f:2: is not UTF-8")
    #expect(error([UInt8](repeating: 0x0A, count: (1 << 20) + 1)) == "f:1: is larger than 1048576 bytes")
    #expect(error([UInt8](repeating: 0x0A, count: 1 << 20)) == nil)
    #expect(error([0xEF, 0xBB, 0xBF] + Array("[sip]\nx = 1".utf8))?.hasPrefix("f:2: ") == true)
  }

  @Test("a file that is not there")
  func missing() {
    let error = #expect(throws: ConfigurationError.self) { try ConfigurationFile(path: "/nonexistent/gateway.toml") }
    #expect(error?.description == "/nonexistent/gateway.toml:1: cannot be read: No such file or directory")
    #expect(throws: ConfigurationError.self) { try ConfigurationFile(path: "/") }
  }

  @Test("unknown keys, with the nearest that is known")
  func unknownKeys() {
    #expect(
      errors("[sip]\nlistenport = 1\n") == [
        "gateway.toml:2: there is no key `listenport` in [sip]; did you mean `listen_port`?"
      ])
    #expect(
      errors("\n[spi]\nx = 1\n") == ["gateway.toml:2: there is no key `spi` in the configuration; did you mean `sip`?"])
    #expect(
      errors("[xmpp.embedded]\ncolour = 'red'") == ["gateway.toml:2: there is no key `colour` in [xmpp.embedded]"])
    #expect(
      errors("[modules.mod_jingle_sip]\nlisten_prot = 1\n") == [
        "gateway.toml:2: there is no key `listen_prot` in [modules.mod_jingle_sip]; did you mean `listen_port`?"
      ])
    #expect(
      errors("[sip]\nusername_to_phone = [\n  { username = 'a', phone = '1' },\n  { username = 'b', phon = '2' }]\n")
        == [
          "gateway.toml:4: `phone` is missing",
          "gateway.toml:4: there is no key `phon` here; did you mean `phone`?",
        ])
  }

  @Test(
    "values of the wrong type or out of range",
    arguments: [
      ("[sip]\nlisten_port = '5600'", "2: `listen_port` is a string, it has to be an integer"),
      ("[sip]\nlisten_port = 5600.0", "2: `listen_port` is a floating-point number, it has to be an integer"),
      ("[sip]\nlisten_port = 65536", "2: `listen_port` is 65536, a port is a number from 0 to 65535"),
      ("[sip]\nproxy_port = -1", "2: `proxy_port` is -1, a port is a number from 0 to 65535"),
      ("[sip]\nproxy_host = true", "2: `proxy_host` is a boolean, it has to be a string"),
      ("[sip]\nproxy_host = ''", "2: `proxy_host` is empty"),
      ("[sip]\nproxy_host = 'a b'", "2: `proxy_host` is \"a b\", which is no host name and no IP address"),
      ("[sip]\nproxy_host = '[a]'", "2: `proxy_host` is \"[a]\", which is no host name and no IP address"),
      ("[sip]\ntransport = 2020-01-01", "2: `transport` is a date or time, it has to be a string"),
      (
        "[sip]\ntransport = 'UPD'",
        "2: `transport` is \"UPD\", it has to be one of \"udp\", \"tcp\", \"tls\"; did you mean \"udp\"?"
      ),
      ("sip = 1", "1: `sip` is an integer, it has to be a table"),
      ("[[sip]]", "1: `sip` is an array, it has to be a table"),
      ("[sip]\nusername_to_phone = {}", "2: `username_to_phone` is a table, it has to be an array of tables"),
      (
        "[sip]\nusername_to_phone = [\n1]",
        "3: an element of `username_to_phone` is an integer, it has to be a table"
      ),
      ("[xmpp]\nmode = 'server'", "2: `mode` is \"server\", it has to be one of \"embedded\", \"component\""),
      ("[xmpp]\nmode = 'component'", "2: `mode` is \"component\", but there is no [xmpp.component]"),
      ("[xmpp.embedded]\ndomain = 'a@b'", "2: `domain` is \"a@b\", which is no domain"),
      ("[xmpp.embedded]\naccounts = [{ username = 'a', password = '' }]", "2: `password` is empty"),
      ("[xmpp.embedded]\ncertificate = 'c'", "2: `certificate` needs `private_key`"),
    ])
  func values(text: String, reason: String) {
    #expect(errors(text) == ["gateway.toml:\(reason)"])
  }

  @Test("all errors at once, in the order of the lines")
  func several() {
    #expect(
      errors(
        """
        [xmpp]
        mode = "component"

        [xmpp.component]
        port = "x"

        [sip]
        proxy_port = 70000
        """) == [
          "gateway.toml:4: `domain` is missing", "gateway.toml:4: `user_domain` is missing",
          "gateway.toml:4: `secret` is missing", "gateway.toml:5: `port` is a string, it has to be an integer",
          "gateway.toml:8: `proxy_port` is 70000, a port is a number from 0 to 65535",
        ])
  }

  @Test("our section and the predecessor's in one file")
  func bothSections() {
    #expect(
      errors("[sip]\nlisten_port = 1\n[modules.mod_jingle_sip]\n") == [
        "gateway.toml:3: [sip] and [modules.mod_jingle_sip] are the same section, the first is on line 1"
      ])
    #expect(errors("[modules.mod_jingle_sip]\n\n[sip]\n").map { $0.prefix(15) } == ["gateway.toml:3:"])
  }

  @Test("an account twice, a file that cannot be read")
  func accounts() {
    let text = """
      [[xmpp.embedded.accounts]]
      username = "a"
      password = "x"
      [[xmpp.embedded.accounts]]
      username = "a"
      password = "y"
      """
    #expect(errors(text) == ["gateway.toml:5: there is an account \"a\" already"])
    let files = Array("[xmpp.embedded]\ncertificate = 'c'\nprivate_key = 'k'\n".utf8)
    let error = #expect(throws: ConfigurationError.self) {
      try ConfigurationFile(parsing: files, file: "f") { $0 == "k" }
    }
    #expect(error?.description == "f:2: `certificate`: the file \"c\" cannot be read")
  }

  @Test("lines are found in any way of writing TOML")
  func lines() {
    #expect(errors("sip.listen_port = 'x'").map { $0.prefix(15) } == ["gateway.toml:1:"])
    #expect(errors("# [sip]\nsip = { listen_port = 'x' }").map { $0.prefix(15) } == ["gateway.toml:2:"])
    #expect(errors("[ \"sip\" ]\n'listen_port' = 'x'").map { $0.prefix(15) } == ["gateway.toml:2:"])
    #expect(
      errors("[sip]\r\nlocal_host = \"\"\"a\r\n[x]\r\n= \\\"\"\"\"\"\r\nlisten_port = 'x'\r\n").map { $0.prefix(15) }
        == ["gateway.toml:2:", "gateway.toml:5:"])
    #expect(errors("[sip]\nproxy_host = \"a\\nb\"\n").count == 1)
    #expect(
      errors("[sip]\nlocal_host = '''\n'''\n\nlisten_port = \"#]\"\n").map { $0.prefix(15) }
        == ["gateway.toml:2:", "gateway.toml:5:"])
  }
}
