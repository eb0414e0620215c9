/// What a parser says that it expected: the form, by the name that the RFC gives it, and for which field.
enum Expectation {
  /// What a person calls a token.
  static func words(of rule: TokenRule) -> String {
    rule.written.map(ParserEmitter.shown) ?? rule.called ?? rule.name
  }

  /// What the value of a field looks like, and the field: `token (protocol name)`, `a number up to 65535 (port)`.
  static func words(_ type: FieldType, _ label: String, of shape: Shape) -> String {
    let field = shape.parameter ?? split(label)
    let form: String
    switch type {
    case .text(let rule):
      // A rule that was written into the capture has no name by which anybody could know it.
      if rule.isAnonymous, rule.called == nil { return field }
      form = words(of: rule)
    case .number(let number): form = number.words
    case .enumeration(let type): form = type.base.map(words) ?? (type.isOpen ? type.name : names(of: type))
    case .shape(let shape): return shape.name
    case .flag(let bytes, _): return ParserEmitter.shown(bytes)
    }
    // `value` says nothing, and what is named like its form has been said.
    let saysNothing = shape.parameter == nil && ["value", "values", "text", "item"].contains(label)
    return saysNothing || letters(form).contains(letters(field)) ? form : "\(form) (\(field))"
  }

  /// `call-id` and `call IDs` are the same word.
  private static func letters(_ name: String) -> String {
    let letters = String(name.lowercased().filter(\.isLetter))
    return letters.hasSuffix("s") ? String(letters.dropLast()) : letters
  }

  /// What alternatives begin with.
  static func words(_ alternatives: [Alternative], of shape: Shape) -> String {
    var words: [String] = []
    for alternative in alternatives {
      let one: String?
      switch alternative.body.first {
      case .literal(let bytes, _, _): one = ParserEmitter.shown(bytes)
      case .token(let rule, _): one = Self.words(of: rule)
      case .capture(let index, let type, _): one = Self.words(type, shape.layout.fields[index].label, of: shape)
      default: one = nil
      }
      if let one, !words.contains(one) { words.append(one) }
    }
    return words.joined(separator: " or ")
  }

  /// The values of an enum that has no others.
  static func names(of type: EnumType) -> String {
    let names = type.cases.map { "\"\($0.name)\"" }
    guard let last = names.last, names.count > 1 else { return names.joined() }
    return "\(names.dropLast().joined(separator: ", ")) or \(last)"
  }

  /// `clockRate` and `clock-rate` as two words; what consists of capitals stays as it is.
  private static func split(_ name: String) -> String {
    var words = ""
    for (index, character) in name.enumerated() {
      if character == "-" {
        words.append(" ")
      } else if character.isUppercase, let last = words.last, last.isLowercase {
        let isAbbreviation = name.dropFirst(index + 1).first?.isUppercase ?? false
        words += " " + (isAbbreviation ? String(character) : character.lowercased())
      } else {
        words.append(character)
      }
    }
    return words
  }
}
