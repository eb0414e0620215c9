import CLibXML2

/// Finds the byte at fault where libxml2 notices a fault only further on: behind the name, the reference or the start-tag
/// that is wrong.
struct FaultFinder {
  /// The input, and how much of it libxml2 was not given.
  let bytes: UnsafeBufferPointer<UInt8>
  let first: Int
  /// Where libxml2 was when it noticed the fault.
  let position: Int

  /// The byte at fault. `texts` are those that libxml2 puts into its message.
  func fault(_ code: UInt32, _ texts: [String]) -> Int {
    let found: Int?
    switch code {
    case XML_ERR_TAG_NAME_MISMATCH.rawValue: found = last("</").map { $0 + 2 }
    case XML_NS_ERR_UNDEFINED_NAMESPACE.rawValue:
      // The third text is the element's name, where the prefix is that of an attribute.
      found = texts[2].isEmpty ? last("<").map { $0 + 1 } : attribute(1) { $0 == "\(texts[0]):\(texts[1])" }
    case XML_ERR_ATTRIBUTE_REDEFINED.rawValue:
      found = attribute(2) { $0 == (texts[1].isEmpty ? texts[0] : "\(texts[0]):\(texts[1])") }
    case XML_NS_ERR_ATTRIBUTE_REDEFINED.rawValue: found = attribute(2) { $0.hasSuffix(":\(texts[0])") }
    case XML_NS_ERR_XML_NAMESPACE.rawValue: found = attribute(1) { $0 == "xmlns:\(texts[0])" }
    case XML_ERR_UNDECLARED_ENTITY.rawValue, XML_WAR_UNDECLARED_ENTITY.rawValue: found = last("&")
    case XML_ERR_NAME_REQUIRED.rawValue where byte(-1) == UInt8(ascii: "&"): found = position - 1
    // A reference to a character that may not be; where the character itself stands there, it is at the position.
    case XML_ERR_INVALID_CHAR.rawValue where byte(-1) == UInt8(ascii: ";"): found = last("&")
    case XML_ERR_MISPLACED_CDATA_END.rawValue: found = next("]]>")
    default: found = nil
    }
    return found ?? position
  }

  private func byte(_ distance: Int) -> UInt8? {
    let index = position + distance
    return index >= first && index < bytes.count ? bytes[index] : nil
  }

  /// Where the text begins that ends last in front of the position.
  private func last(_ text: StaticString) -> Int? {
    var index = position - text.utf8CodeUnitCount
    while index >= first {
      if stands(text, at: index) { return index }
      index -= 1
    }
    return nil
  }

  /// Where the text begins that comes next.
  private func next(_ text: StaticString) -> Int? {
    var index = position
    while index + text.utf8CodeUnitCount <= bytes.count {
      if stands(text, at: index) { return index }
      index += 1
    }
    return nil
  }

  private func stands(_ text: StaticString, at index: Int) -> Bool {
    (0..<text.utf8CodeUnitCount).allSatisfy { bytes[index + $0] == text.utf8Start[$0] }
  }

  /// Where the attribute begins that is the `number`th to satisfy the condition, in the start-tag around the position.
  private func attribute(_ number: Int, where isMeant: (String) -> Bool) -> Int? {
    guard var index = last("<") else { return nil }
    var remaining = number
    while index < position, !isSpace(index) { index += 1 }
    while true {
      while index < position, isSpace(index) { index += 1 }
      let start = index
      while index < position, !isSpace(index), bytes[index] != UInt8(ascii: "=") { index += 1 }
      guard index > start else { return nil }
      if isMeant(String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)) {
        remaining -= 1
        if remaining == 0 { return start }
      }
      while index < position, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "'") { index += 1 }
      guard index < position else { return nil }
      let quote = bytes[index]
      index += 1
      while index < position, bytes[index] != quote { index += 1 }
      index += 1
    }
  }

  private func isSpace(_ index: Int) -> Bool { bytes[index] <= 0x20 }
}
