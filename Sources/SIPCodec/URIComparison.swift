import CodecRuntime

extension URI {
  /// The number of a tel URI, with what makes it readable (RFC 3966 §3).
  public var number: Text? { telephone?.number }

  /// Whether both lead to the same: sip and sips URIs by RFC 3261 §19.1.4, tel URIs by RFC 3966 §4, others where they are
  /// the same text but for the case of the scheme.
  ///
  /// This is no equality: a parameter that only one of two URIs has often does not matter, so that of three URIs the
  /// first may be equivalent to the second and the second to the third, but the first not to the third.
  public func isEquivalent(to other: URI) -> Bool {
    switch (scheme, other.scheme) {
    case (.sip, .sip), (.sips, .sips): isSameAddress(as: other)
    case (.tel, .tel): telephone.flatMap { own in other.telephone.map { own.isSameNumber(as: $0) } } ?? false
    case (.other(let name), .other(let otherName)):
      name.equalsIgnoringCase(otherName) && Self.bytes(of: self) == Self.bytes(of: other)
    default: false
    }
  }

  private func isSameAddress(as other: URI) -> Bool {
    // The user and the password are compared with regard to case, all else without.
    guard Compared.symbols(user) == Compared.symbols(other.user),
      Compared.symbols(password) == Compared.symbols(other.password),
      HostName(host) == HostName(other.host), port == other.port
    else { return false }
    // These matter even where only one side has them. RFC 3261 has transport among its examples only.
    guard method == other.method, ttl == other.ttl, (userType == nil) == (other.userType == nil),
      (maddr == nil) == (other.maddr == nil), (transport == nil) == (other.transport == nil)
    else { return false }
    let parameters = comparedParameters
    for (name, value) in other.comparedParameters {
      if let own = parameters[name], own != value { return false }
    }
    return comparedHeaders == other.comparedHeaders
  }

  // MARK: What is compared

  /// The values of the parameters by their names; one without value has an empty one.
  private var comparedParameters: [Compared.Symbols: Compared.Symbols] {
    var result: [Compared.Symbols: Compared.Symbols] = [:]
    for parameter in Draft(self).parameters {
      let (name, value) = Compared.parts(Self.bytes(of: parameter))
      result[name] = value
    }
    return result
  }

  /// The headers in an order of their own. That of a header says more of how values compare; here they are equal or not.
  private var comparedHeaders: [[UInt16]] {
    headers.map { header in
      Compared.symbols(header.name, ignoringCase: true) + [0x200] + Compared.symbols(header.value, ignoringCase: false)
    }.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private static func bytes(of uri: URI) -> [UInt8] {
    var output = Output()
    for byte in (uri.scheme?.name ?? "").utf8 { output.append(lowercased(byte)) }
    let start = output.count
    URI.write(uri.arena, uri.index, to: &output)
    // The scheme is there twice now, in one case and in its own, and is as long both times.
    return Array(output.bytes[..<start] + output.bytes[(2 * start)...])
  }

  private static func bytes(of parameter: Parameter) -> [UInt8] {
    Compared.bytes(of: { try parameter.append(to: &$0) }, write: { writeParameter($0, 0, to: &$1) })
  }
}

extension TelephoneSubscriber {
  fileprivate func isSameNumber(as other: TelephoneSubscriber) -> Bool {
    Compared.withoutSeparators(Compared.symbols(number, ignoringCase: true))
      == Compared.withoutSeparators(Compared.symbols(other.number, ignoringCase: true))
      && comparedParameters == other.comparedParameters
  }

  /// The values of the parameters by their names; one without value has an empty one.
  private var comparedParameters: [Compared.Symbols: Compared.Symbols] {
    var result: [Compared.Symbols: Compared.Symbols] = [:]
    for parameter in Draft(self).parameters {
      var (name, value) = Compared.parts(Self.bytes(of: parameter))
      switch parameter {
      case .ext: value = Compared.withoutSeparators(value)
      // A number, not the name of a domain.
      case .phoneContext where value.first == 0x2B: value = Compared.withoutSeparators(value)
      default: break
      }
      result[name] = value
    }
    return result
  }

  private static func bytes(of parameter: Parameter) -> [UInt8] {
    Compared.bytes(of: { try parameter.append(to: &$0) }, write: { writeParameter($0, 0, to: &$1) })
  }
}

/// Texts as they are compared.
private enum Compared {
  /// A byte, or with 0x100 added one of the reserved set that is escaped: it does not mean what it means unescaped.
  typealias Symbols = [UInt16]

  /// A parameter as it is written. It was read from a URI, so the grammar allows it.
  static func bytes(
    of append: (inout Tape) throws -> Void, write: (Arena, inout Output) -> Void
  ) -> [UInt8] {
    var tape = Tape()
    guard (try? append(&tape)) != nil else { return [] }
    var output = Output()
    write(tape.finish(), &output)
    return output.bytes
  }

  static func symbols(_ text: Text?, ignoringCase: Bool = false) -> Symbols? {
    text.map { $0.withBytes { symbols($0[...], ignoringCase: ignoringCase) } }
  }

  static func symbols(_ text: Text, ignoringCase: Bool) -> Symbols {
    text.withBytes { symbols($0[...], ignoringCase: ignoringCase) }
  }

  private static func symbols<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes, ignoringCase: Bool) -> Symbols {
    var result: Symbols = []
    result.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let rest = bytes[index...].prefix(3)
      var byte = bytes[index]
      var isEscaped = false
      if byte == 0x25, rest.count == 3, let value = UInt8(String(decoding: rest.dropFirst(), as: UTF8.self), radix: 16)
      {
        byte = value
        isEscaped = isOne(byte, Tokens.reserved)
        index = bytes.index(index, offsetBy: 2)
      }
      result.append(UInt16(ignoringCase ? lowercased(byte) : byte) + (isEscaped ? 0x100 : 0))
      index = bytes.index(after: index)
    }
    return result
  }

  /// Whether `byte` is of a rule whose words are single bytes.
  private static func isOne(_ byte: UInt8, _ rule: (Input, inout Int) -> Bool) -> Bool {
    withUnsafePointer(to: byte) { pointer in
      Input.with(UnsafeBufferPointer(start: pointer, count: 1)) { begins($0, 0, rule) }
    }
  }

  /// RFC 3966 §5.1.1: what makes a number readable is no part of it.
  static func withoutSeparators(_ symbols: Symbols) -> Symbols {
    symbols.filter { symbol in symbol > 0xFF || !isOne(UInt8(symbol), Tokens.visualSeparator) }
  }

  /// The name and the value of a parameter.
  static func parts(_ bytes: [UInt8]) -> (Symbols, Symbols) {
    let name = bytes.prefix { $0 != 0x3D }
    return (symbols(name, ignoringCase: true), symbols(bytes.dropFirst(name.count + 1), ignoringCase: true))
  }
}

/// A host as it is compared: IPv6 addresses by their value (RFC 5954), all else as text without regard to case.
private struct HostName: Equatable {
  private var text: [UInt8]
  private var groups: [UInt16]?

  init?(_ host: Text?) {
    guard let host else { return nil }
    text = host.withBytes { $0.map(lowercased) }
    groups = text.first == 0x5B ? Self.groups(text.dropFirst().dropLast()) : nil
    if groups != nil { text = [] }
  }

  /// The eight groups of an address of which the grammar has said that it is one.
  private static func groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
    var head: [UInt16] = []
    var tail: [UInt16]?
    func add(_ group: UInt16) { if tail == nil { head.append(group) } else { tail?.append(group) } }
    for part in text.split(separator: 0x3A, omittingEmptySubsequences: false) {
      if part.isEmpty {
        // "::", which may stand at either end, or the three colons of RFC 5118 §4.10.
        if tail == nil { tail = [] }
      } else if part.contains(0x2E) {
        let bytes = part.split(separator: 0x2E).compactMap { UInt16(String(decoding: $0, as: UTF8.self)) }
        guard bytes.count == 4, bytes.allSatisfy({ $0 < 256 }) else { return nil }
        add(bytes[0] << 8 | bytes[1])
        add(bytes[2] << 8 | bytes[3])
      } else {
        guard let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16) else { return nil }
        add(group)
      }
    }
    let missing = 8 - head.count - (tail?.count ?? 0)
    guard missing >= 0, tail != nil || missing == 0 else { return nil }
    return head + Array(repeating: 0, count: missing) + (tail ?? [])
  }
}
