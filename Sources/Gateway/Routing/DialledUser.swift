/// The user part of a SIP URI that is to be called: one text, by which it is decided and which is dialled.
///
/// Whatever could be one thing for the routes and another one for a proxy behind them is refused: escapes, parameters,
/// separators of URIs, control characters, digits of other scripts, numbers that cannot be.
struct DialledUser: Hashable {
  /// Without escapes: the separators of a number are gone.
  let text: String
  /// Digits, `*` and `#`, after a `+` where it is an international one; otherwise it is a name.
  let isNumber: Bool

  static let maximumBytes = 255
  /// E.164 §6.1 has 15 digits; prefixes of carriers and the codes of a telephone exchange come on top.
  static let maximumNumberBytes = 64

  /// `nil` where nobody can be called by that.
  init?(_ user: String) {
    guard 1...Self.maximumBytes ~= user.utf8.count else { return nil }
    let reduced = user.utf8.filter { !Self.isSeparator($0) }
    if reduced.allSatisfy(Self.isNumberByte) {
      guard Self.isNumber(reduced) else { return nil }
      text = String(decoding: reduced, as: UTF8.self)
      isNumber = true
    } else {
      guard user.unicodeScalars.allSatisfy(Self.isAllowedInName) else { return nil }
      text = user
      isNumber = false
    }
  }

  /// As it may be read by somebody who passes over what only structures a number: all of them have to be harmless where
  /// something is forbidden.
  var readings: [String] {
    if isNumber { return [text] }
    var reduced: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars {
      let isKept =
        switch scalar {
        case "+": reduced.isEmpty
        case "*", "#": true
        default: !scalar.isASCII || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        }
      if isKept { reduced.append(scalar) }
    }
    var reading = ""
    reading.unicodeScalars.append(contentsOf: reduced)
    return reading == text ? [text] : [text, reading]
  }

  /// The number with `prefix` in the place of `strip` at its front; as it is where it does not begin so, and where it is
  /// a name. `nil` where no number results.
  func rewritten(strip: String, prefix: String) -> DialledUser? {
    guard isNumber, text.utf8.starts(with: strip.utf8) else { return self }
    guard let result = DialledUser(prefix + String(decoding: text.utf8.dropFirst(strip.utf8.count), as: UTF8.self)),
      result.isNumber
    else { return nil }
    return result
  }

  // MARK: Characters

  /// What is written between the digits for the eye (RFC 3966 §5.1.1), and spaces.
  static func isSeparator(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x20, 0x28, 0x29, 0x2D, 0x2E: true
    default: false
    }
  }

  static func isNumberByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x23, 0x2A, 0x2B: true
    default: false
    }
  }

  /// No country's code begins with zero (E.164 §6.2.1).
  private static func isNumber(_ bytes: [UInt8]) -> Bool {
    guard 1...maximumNumberBytes ~= bytes.count else { return false }
    if bytes[0] == 0x2B, bytes.count == 1 || !(0x31...0x39 ~= bytes[1]) { return false }
    return !bytes.dropFirst().contains(0x2B)
  }

  /// Letters, digits, `mark` of RFC 3261 §25.1, `+` and `#`. What else a user part may hold has a meaning for some
  /// proxies: `;` begins parameters, `=`, `&`, `,`, `/`, `?` and `$` stand in dial plans.
  static func isAllowedInName(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".", "!", "~", "*", "'", "(", ")", "+", "#": return true
    default:
      guard !scalar.isASCII else { return false }
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
        .spacingMark:
        return scalar.properties.numericType == nil && !scalar.properties.isDefaultIgnorableCodePoint
      default: return false
      }
    }
  }
}
