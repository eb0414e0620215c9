// [calls] and [[route]]
extension ConfigurationReader {
  func readCalls(_ section: inout ConfigurationSection) -> CallsConfiguration {
    var calls = CallsConfiguration()
    if let count = section.integer("per_user", in: 1...100_000) { calls.perUser = count }
    if let count = section.integer("per_user_per_second", in: 1...1000) { calls.perUserPerSecond = count }
    if let seconds = section.integer("ring_seconds", in: 1...3600) { calls.ringSeconds = seconds }
    section.finish()
    return calls
  }

  /// `transport` is that of proxies that name none.
  func readRoutes(
    _ root: inout ConfigurationSection, transport: SIPConfiguration.Transport
  ) -> [Route] {
    let sections = root.sections("route")
    return sections.enumerated().map { index, section in
      var section = section
      return readRoute(&section, number: index + 1, transport: transport)
    }
  }

  private func readRoute(
    _ section: inout ConfigurationSection, number: Int, transport: SIPConfiguration.Transport
  ) -> Route {
    let name = section.string("name", unless: Self.faultOfName) ?? "route \(number)"
    let from = readPatterns(&section, "from", Self.faultOfCaller)
    let to = readPatterns(&section, "to", Self.faultOfCallee)
    var route = Route(name: name, from: from.compactMap { .init($0) }, to: to.compactMap { .init($0) })
    route.deny = section.boolean("deny") ?? false
    let proxies = section.strings("proxies") { text in
      if ProxyTarget(text) != nil { return nil }
      return "is \(Spelling.quoted(text)), which is not HOST, HOST:PORT or either with ;transport=udp, tcp or tls"
    }
    if let proxies {
      if section.isEmptyArray("proxies") { section.error("proxies", "`proxies` is empty") }
      route.proxies = proxies.compactMap { ProxyTarget($0, transport: transport) }
    }
    if let strip = section.string("strip", unless: Self.faultOfDigits) { route.strip = strip }
    if let prefix = section.string("prefix", unless: Self.faultOfDigits) { route.prefix = prefix }
    if let caller = section.string("caller", unless: Self.faultOfFixedCaller) {
      route.caller = caller == Self.callerIsUser ? .user : .fixed(DialledUser(caller)?.text ?? caller)
    }
    if let flag = section.boolean("asserted_identity") { route.assertedIdentity = flag }
    if let proceed = section.choice("proceed", Route.Proceed.self) { route.proceed = proceed }
    if route.deny {
      for key in ["proxies", "strip", "prefix", "caller", "asserted_identity", "proceed"] where section.contains(key) {
        section.warning(key, "`\(key)` is passed over: `deny` is true")
      }
    }
    section.finish()
    return route
  }

  /// Texts of which there has to be one.
  private func readPatterns(
    _ section: inout ConfigurationSection, _ key: String, _ fault: (String) -> String?
  ) -> [String] {
    if !section.contains(key) { section.error(key, "`\(key)` is missing") }
    let patterns = section.strings(key, unless: fault)
    if section.isEmptyArray(key) { section.error(key, "`\(key)` is empty: the route would be for nobody") }
    return patterns ?? []
  }

  private static func faultOfCaller(_ text: String) -> String? {
    if text.isEmpty { return "is empty" }
    if CallerPattern(text) != nil { return nil }
    var hint = ""
    if text.hasPrefix("*@"), case .domain(let domain)? = CallerPattern(String(text.dropFirst(2))) {
      hint = "; did you mean \"\(domain)\"?"
    }
    return "is \(Spelling.quoted(text)), which is no domain, no bare address and not \"*\"\(hint)"
  }

  private static func faultOfCallee(_ text: String) -> String? {
    if text.isEmpty { return "is empty" }
    return CalleePattern(text) == nil ? "is \(Spelling.quoted(text)), which no number and no address fits" : nil
  }

  /// What is put in front of a number.
  private static func faultOfDigits(_ text: String) -> String? {
    let isPossible = text.utf8.enumerated().allSatisfy { index, byte in
      DialledUser.isNumberByte(byte) && (byte != 0x2B || index == 0)
    }
    return isPossible && text.utf8.count <= DialledUser.maximumNumberBytes
      ? nil : "is \(Spelling.quoted(text)), which is no beginning of a number"
  }

  private static let callerIsUser = "user"

  private static func faultOfFixedCaller(_ text: String) -> String? {
    if text == callerIsUser { return nil }
    if text.isEmpty { return "is empty" }
    // Who has misspelt it does not want to be called so.
    if Spelling.distance(text, callerIsUser) <= 1 {
      return "is \(Spelling.quoted(text)); did you mean \"\(callerIsUser)\"?"
    }
    return DialledUser(text) == nil
      ? "is \(Spelling.quoted(text)), it has to be \"\(callerIsUser)\", a number or a name" : nil
  }
}
