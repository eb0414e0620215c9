@testable import GrammarCompiler

/// Makes elements as XML text.
struct ElementSampler {
  private var sampler: GrammarSampler
  private var depth = 0
  /// Elements and attributes that were made.
  private(set) var seen: Set<String> = []

  init(seed: UInt64) { sampler = GrammarSampler(seed: seed) }

  mutating func xml(of element: ElementType) -> String {
    depth += 1
    defer { depth -= 1 }
    seen.insert(element.qualifiedName)
    var text = "<\(element.name) xmlns='\(element.namespace)'"
    for attribute in element.attributes where !(attribute.isOptional && sampler.oneIn(2)) {
      seen.insert("\(element.qualifiedName)@\(attribute.name)")
      text += " \(attribute.name)='\(Self.escaped(value(attribute.type)))'"
    }
    text += ">"
    if let attribute = element.text, !(attribute.isOptional && sampler.oneIn(2)) {
      text += Self.escaped(value(attribute.type))
    }
    for child in element.children {
      let count: Int
      switch child.occurrence {
      case .one: count = 1
      case .some: count = sampler.oneIn(2) ? 1 : 2
      case .optional: count = depth < 7 && sampler.oneIn(2) ? 1 : 0
      case .many: count = depth < 7 && sampler.oneIn(2) ? (sampler.oneIn(2) ? 1 : 3) : 0
      }
      for _ in 0..<count { text += xml(of: child.element) }
    }
    return text + "</\(element.name)>"
  }

  private mutating func value(_ type: ElementType.ValueType) -> [UInt8] {
    switch type {
    case .text: Array((sampler.element(of: ["", "a", "a b", "<&>'\"", "ü€🙂", "urn:x", "\u{9}\n"]) ?? "").utf8)
    case .token(let rule): sampler.text(of: rule)
    case .number(let bits): sampler.number(bits)
    case .enumeration(let type): sampler.text(of: type)
    }
  }

  /// As the value of an attribute; white space by reference, or a parser would make it blanks (XML 1.0 §3.3.3).
  private static func escaped(_ bytes: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "<", ">", "&", "'", "\"", "\u{9}", "\u{A}", "\u{D}": text += "&#\(scalar.value);"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// Everything that can stand in a tree.
  func reachable(from root: ElementType) -> Set<String> {
    var found: Set<String> = []
    var open = [root]
    while let element = open.popLast() {
      guard found.insert(element.qualifiedName).inserted else { continue }
      for attribute in element.attributes { found.insert("\(element.qualifiedName)@\(attribute.name)") }
      open += element.children.map(\.element)
    }
    return found
  }
}
