@testable import GrammarCompiler

/// Makes elements as XML text.
struct ElementSampler {
  private var sampler: GrammarSampler
  private var depth = 0
  private var number = 0
  /// Elements and attributes that were made.
  private(set) var seen: Set<String> = []

  init(seed: UInt64) { sampler = GrammarSampler(seed: seed) }

  mutating func xml(of element: ElementType, uniqueBy uniqueBits: Int? = nil) -> String {
    depth += 1
    defer { depth -= 1 }
    seen.insert(element.qualifiedName)
    var text = "<\(element.name) xmlns='\(element.namespace)'"
    var values: [String: [UInt8]] = [:]
    for attribute in element.attributes where !(attribute.isOptional && sampler.oneIn(2)) {
      values[attribute.name] = value(attribute.type)
    }
    if let uniqueBits {
      number += 1
      for attribute in element.attributes where uniqueBits & 1 << attribute.bit != 0 {
        if case .text = attribute.type { values[attribute.name] = Array("unique\(number)".utf8) }
      }
    }
    var characters = element.text.flatMap { $0.isOptional && sampler.oneIn(2) ? nil : value($0.type) }
    var demandedChildren: Set<Int> = []
    for requirement in element.requirements {
      let subject = values[element.attributes[requirement.subject].name].map { String(decoding: $0, as: UTF8.self) }
      guard requirement.values.contains(subject?.lowercased() ?? "") != requirement.isNegated else { continue }
      switch requirement.demand {
      case .attribute(let place):
        let attribute = element.attributes[place]
        values[attribute.name] = values[attribute.name] ?? value(attribute.type)
      case .form(let place, let rule):
        let form = sampler.text(of: rule)
        if place == element.attributes.count {
          characters = form
        } else if let type = Optional(element.attributes[place]), values[type.name] != nil {
          values[type.name] = Array("form\(number)".utf8)
        }
      case .child(let place): demandedChildren.insert(place)
      }
    }
    for attribute in element.attributes {
      guard let value = values[attribute.name] else { continue }
      seen.insert("\(element.qualifiedName)@\(attribute.name)")
      text += " \(attribute.name)='\(Self.escaped(value))'"
    }
    text += ">"
    if let characters { text += Self.escaped(characters) }
    let chosen = sampler.element(of: element.exclusive)
    for (place, child) in element.children.enumerated() where !element.exclusive.contains(place) || place == chosen {
      var count: Int
      switch child.occurrence {
      case .one: count = 1
      case .some: count = sampler.oneIn(2) ? 1 : 2
      case .optional: count = depth < 7 && sampler.oneIn(2) ? 1 : 0
      case .many: count = depth < 7 && sampler.oneIn(2) ? (sampler.oneIn(2) ? 1 : 3) : 0
      }
      if demandedChildren.contains(place) { count = max(count, 1) }
      for _ in 0..<count { text += xml(of: child.element, uniqueBy: child.uniqueBits == 0 ? nil : child.uniqueBits) }
    }
    return text + "</\(element.name)>"
  }

  private mutating func value(_ type: ElementType.ValueType) -> [UInt8] {
    switch type {
    case .text: Array((sampler.element(of: ["", "a", "a b", "<&>'\"", "ü€🙂", "urn:x", "\u{9}\n"]) ?? "").utf8)
    // The sampler of grammars knows bytes, and XML is UTF-8.
    case .token(let rule): sampler.text(of: rule).map { $0 < 0x80 ? $0 : 0x78 }
    case .number(let number): sampler.number(number)
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
