/// How names of the grammars become names of Swift.
enum Naming {
  /// Written in capitals as a type, and as a whole in lower or upper case inside of a name.
  private static let acronyms: Set<String> = [
    "sip", "sdp", "rtp", "rtcp", "ice", "uri", "url", "id", "ip", "udp", "tcp", "tls", "dtls", "dtmf", "sctp", "srtp",
    "ssrc", "sid", "jid", "xml", "mime", "iq", "ws", "wss",
  ]

  private static let keywords: Set<String> = [
    "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do", "else",
    "enum", "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import", "in", "init",
    "inout", "internal", "is", "let", "nil", "operator", "precedencegroup", "private", "protocol", "public", "repeat",
    "rethrows", "return", "self", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try",
    "typealias", "var", "where", "while", "Any", "Self", "Type", "Protocol",
  ]

  /// Types of Swift, CodecRuntime and the generated code on which generated types stand.
  static let reservedTypes: Set<String> = [
    "Any", "Arena", "ArenaEnum", "ArenaList", "ArenaValue", "Array", "Bool", "ByteClasses", "DraftError",
    "ElementAttributeRow", "ElementChildRow", "ElementCodec", "ElementPayload", "ElementReading", "ElementRow",
    "ElementTables", "Elements", "EnumValue", "HeaderDraft",
    "HeaderFields", "HeaderValues", "Headers", "Input", "Int", "LineDraft", "LineFields", "Lines", "NodeLayout",
    "NumberValue", "Output", "ParseFailure", "Protocol", "Self", "Sendable", "Slice", "Span", "StaticString",
    "StatusCodes", "String", "Tape", "Text", "TextValue", "Tokens", "Type", "UInt16", "UInt32", "UInt64", "UInt8",
  ]

  /// Names of properties that each generated type has, or that Swift keeps for itself.
  static let reservedLabels: Set<String> = ["arena", "index", "init", "self"]

  /// Why `label` cannot be the name of a property, if it cannot.
  static func refusal(ofLabel label: String) -> String? {
    if label.contains("-") || label.contains("_") {
      return "the label `\(label)` becomes a name in Swift; write `\(property(label))`"
    }
    if label.first?.isUppercase == true {
      return "a label begins with a small letter; write `\(label.prefix(1).lowercased() + label.dropFirst())`"
    }
    if reservedLabels.contains(label) {
      return "`\(label)` cannot be a label: generated types use that name themselves"
    }
    return nil
  }

  /// Words of a name: cut at everything that is no letter or digit, and before capitals inside of a word.
  private static func words(_ name: String) -> [String] {
    var words: [String] = []
    var word = ""
    var previousWasLower = false
    for character in name {
      guard character.isASCII, character.isLetter || character.isNumber else {
        if character == "*" { word += "any" }
        if !word.isEmpty { words.append(word) }
        word = ""
        previousWasLower = false
        continue
      }
      if character.isUppercase, previousWasLower {
        words.append(word)
        word = ""
      }
      previousWasLower = character.isLowercase || character.isNumber
      word.append(character)
    }
    if !word.isEmpty { words.append(word) }
    return words
  }

  /// `via-parm` → `ViaParm`, `Call-ID` → `CallID`, `3gpp_sync_info` → `T3gppSyncInfo`.
  static func type(_ name: String) -> String {
    let result = words(name).map { word in
      acronyms.contains(word.lowercased())
        ? word.uppercased()
        : word.prefix(1).uppercased() + (isCapitals(word) ? word.dropFirst().lowercased() : String(word.dropFirst()))
    }.joined()
    // Not `_`, with which the property begins then.
    return result.first?.isNumber == true ? "T" + result : result
  }

  /// `via-parm` → `viaParm`, `Call-ID` → `callID`; not a keyword.
  static func property(_ name: String) -> String {
    var words = words(name)
    guard !words.isEmpty else { return "_" }
    let first = words.removeFirst().lowercased()
    let rest = words.map { word in
      acronyms.contains(word.lowercased())
        ? word.uppercased()
        : word.prefix(1).uppercased() + (isCapitals(word) ? word.dropFirst().lowercased() : String(word.dropFirst()))
    }.joined()
    var result = first + rest
    if let digit = result.first, digit.isNumber { result = "_" + result }
    return result
  }

  private static func isCapitals(_ word: String) -> Bool { word.count > 1 && word.allSatisfy { !$0.isLowercase } }

  /// In backticks where Swift wants it.
  static func escaped(_ name: String) -> String { keywords.contains(name) ? "`\(name)`" : name }
}
