import NIOSSL

extension NIOSSLCertificate {
  /// Whether it is for this name, and not only for the address at which somebody has it (RFC 5922 §7.1). NIOSSL, which
  /// has looked at it before, is content with either; where it has neither, it has found the common name fit.
  func isFor(_ name: String) -> Bool {
    let names = _subjectAlternativeNames()
    return names.isEmpty || names.contains { $0.nameType == .dnsName && Self.isName($0.contents, of: name) }
  }

  /// Without regard to case; `*` stands for the first label.
  private static func isName(_ pattern: some Collection<UInt8>, of name: String) -> Bool {
    let pattern = labels(String(decoding: pattern, as: UTF8.self))
    let labels = labels(name)
    if pattern.first == "*" { return labels.count > 1 && pattern.dropFirst() == labels.dropFirst() }
    return pattern == labels
  }

  private static func labels(_ name: String) -> [Substring] {
    (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased().split(
      separator: ".", omittingEmptySubsequences: false)
  }
}
