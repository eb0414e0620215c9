import SIPStack
import TOMLKit

/// Turns a TOML document into a ``Configuration``.
struct ConfigurationReader {
  let report: ConfigurationReport
  /// Whether there is a file at a path.
  let isReadable: (String) -> Bool

  init(report: ConfigurationReport, isReadable: @escaping (String) -> Bool) {
    self.report = report
    self.isReadable = isReadable
  }

  /// What the document says; what is wrong is in the report, and has its default here.
  func read(_ document: TOMLTable) -> Configuration {
    var configuration = Configuration()
    var root = ConfigurationSection(document, path: [], report: report)
    let sip = root.section("sip")
    let predecessor = readModules(&root)
    if let sip, let predecessor {
      let lines = [report.line(of: sip.path), report.line(of: predecessor.path)].sorted()
      let message = "[sip] and [modules.mod_jingle_sip] are the same section, the first is on line \(lines[0])"
      report.error(lines[1] == report.line(of: sip.path) ? sip.path : predecessor.path, message)
    }
    if var section = sip ?? predecessor { configuration.sip = readSIP(&section) }
    if var section = root.section("xmpp") { configuration.xmpp = readXMPP(&section) }
    if var section = root.section("calls") { configuration.calls = readCalls(&section) }
    configuration.routes = readRoutes(&root, transport: configuration.sip.transport)
    root.finish()
    return configuration
  }

  /// `[modules.mod_jingle_sip]` of MongooseIM; its other modules have no meaning here.
  private func readModules(_ root: inout ConfigurationSection) -> ConfigurationSection? {
    guard var modules = root.section("modules") else { return nil }
    let section = modules.section("mod_jingle_sip")
    for key in modules.unknownKeys {
      report.warning(modules.path + [key], "[modules.\(Spelling.unquoted(key))] is passed over")
    }
    return section
  }

  // MARK: [sip]

  private func readSIP(_ section: inout ConfigurationSection) -> SIPConfiguration {
    var sip = SIPConfiguration()
    if let host = readHost(&section, "listen_host") { sip.listenHost = host }
    if let port = section.port("listen_port") { sip.listenPort = port }
    if let host = readHost(&section, "proxy_host") { sip.proxyHost = host }
    if let port = section.port("proxy_port") { sip.proxyPort = port }
    if let transport = section.choice("transport", SIPConfiguration.Transport.self) { sip.transport = transport }
    if let limit = section.integer("udp_size_limit", in: 1...UDPTransport.maximumDatagram) { sip.udpSizeLimit = limit }
    if let host = readHost(&section, "local_host") { sip.localHost = host }
    if let host = readHost(&section, "sdp_origin") { sip.sdpOrigin = host }
    sip.numbers = readNumbers(&section)
    if let strangers = section.choice("strangers", SIPConfiguration.Strangers.self) { sip.strangers = strangers }
    sip.trusted = readNetworks(&section, "trusted")
    sip.tls = readCertificate(&section)
    if let port = section.port("tls_port") { sip.tlsPort = port }
    sip.certificateAuthorities = readFile(&section, "certificate_authorities")
    section.passOver("backend", "`backend` is passed over")
    section.finish()
    return sip
  }

  private func readNumbers(_ section: inout ConfigurationSection) -> PhoneNumbers {
    var numbers = PhoneNumbers()
    var users: Set<String> = []
    var phones: Set<String> = []
    for var row in section.sections("username_to_phone") {
      let user = readRequired(&row, "username", unless: Self.faultOfURIUser)
      let phone = readRequired(&row, "phone", unless: Self.faultOfURIUser)
      row.finish()
      guard let user, let phone else { continue }
      if !users.insert(user).inserted {
        report.warning(row.path, "user \(Spelling.quoted(user)) has a number already: it counts")
      }
      if !phones.insert(phone).inserted {
        report.warning(row.path, "number \(Spelling.quoted(phone)) has a user already: calls to it are for that one")
      }
      numbers.add(user: user, phone: phone)
    }
    return numbers
  }

  // MARK: [xmpp]

  private enum Mode: String, CaseIterable { case embedded, component }

  private func readXMPP(_ section: inout ConfigurationSection) -> XMPPConfiguration {
    let mode = section.choice("mode", Mode.self) ?? .embedded
    let embedded = section.section("embedded")
    let component = section.section("component")
    section.finish()
    let unused = mode == .embedded ? component : embedded
    if let unused {
      let name = unused.path.joined(separator: ".")
      report.warning(unused.path, "[\(name)] is passed over: `mode` is \"\(mode.rawValue)\"")
    }
    // Its mistakes are told all the same: the next change may be that of the mode.
    let embeddedConfiguration = embedded.map { readEmbedded($0) }
    let componentConfiguration = component.map { readComponent($0, isUsed: mode == .component) }
    switch mode {
    case .embedded: return .embedded(embeddedConfiguration ?? EmbeddedXMPPConfiguration())
    case .component:
      if let componentConfiguration { return .component(componentConfiguration) }
      section.error("mode", "`mode` is \"component\", but there is no [xmpp.component]")
      return .embedded(EmbeddedXMPPConfiguration())
    }
  }

  private func readEmbedded(_ section: ConfigurationSection) -> EmbeddedXMPPConfiguration {
    var section = section
    var embedded = EmbeddedXMPPConfiguration()
    if let domain = section.string("domain", unless: Self.faultOfDomain) { embedded.domain = domain }
    if let host = readHost(&section, "listen_host") { embedded.listenHost = host }
    if let port = section.port("listen_port") { embedded.listenPort = port }
    embedded.accounts = readAccounts(&section)
    embedded.tls = readCertificate(&section)
    section.finish()
    return embedded
  }

  private func readCertificate(_ section: inout ConfigurationSection) -> TLSCertificate? {
    let certificate = readFile(&section, "certificate")
    let privateKey = readFile(&section, "private_key")
    if let certificate, let privateKey { return TLSCertificate(certificate: certificate, privateKey: privateKey) }
    if certificate != nil {
      section.error("certificate", "`certificate` needs `private_key`")
    } else if privateKey != nil {
      section.error("private_key", "`private_key` needs `certificate`")
    }
    return nil
  }

  private func readAccounts(_ section: inout ConfigurationSection) -> [String: String] {
    var accounts: [String: String] = [:]
    for var row in section.sections("accounts") {
      let user = readRequired(&row, "username", unless: Self.faultOfLocalpart)
      let password = readRequired(&row, "password") { $0.isEmpty ? "is empty" : nil }
      row.finish()
      guard let user, let password else { continue }
      if accounts.updateValue(password, forKey: user) != nil {
        row.error("username", "there is an account \(Spelling.quoted(user)) already")
      }
    }
    return accounts
  }

  /// The path of a file; `nil` where it is absent or empty.
  private func readFile(_ section: inout ConfigurationSection, _ key: String) -> String? {
    guard let path = section.string(key), !path.isEmpty else { return nil }
    if !isReadable(path) { section.error(key, "`\(key)`: the file \(Spelling.quoted(path)) cannot be read") }
    return path
  }

  private func readComponent(_ section: ConfigurationSection, isUsed: Bool) -> ComponentXMPPConfiguration {
    var section = section
    let host = readHost(&section, "host")
    let port = section.port("port")
    func text(_ key: String, _ fault: (String) -> String?) -> String? {
      isUsed ? readRequired(&section, key, unless: fault) : section.string(key, unless: fault)
    }
    var component = ComponentXMPPConfiguration(
      domain: text("domain", Self.faultOfDomain) ?? "", userDomain: text("user_domain", Self.faultOfDomain) ?? "",
      secret: text("secret") { $0.isEmpty ? "is empty" : nil } ?? "")
    if let host { component.host = host }
    if let port { component.port = port }
    if let name = section.string("name", unless: Self.faultOfName) { component.name = name }
    if let pstn = section.boolean("pstn") { component.pstn = pstn }
    if let intercept = section.boolean("intercept") { component.intercept = intercept }
    if let path = section.string("subscriptions"), !path.isEmpty { component.subscriptions = path }
    section.finish()
    return component
  }
}
