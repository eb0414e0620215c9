/// On which line each key of a TOML document stands; TOMLKit tells it of syntax errors only.
///
/// The document has been parsed before. This scan follows headers, keys, arrays and inline tables, passes over all
/// other values, and does not care what they are.
struct TOMLLines {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var lines: [[String]: Int] = [:]
  /// How many tables each array of tables has.
  private var arrayCounts: [[String]: Int] = [:]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    scanDocument()
  }

  /// The line of what stands at `path`, elements of arrays by their index; where that is not found, the line of what
  /// it stands in.
  func line(of path: [String]) -> Int {
    var path = path
    while !path.isEmpty {
      if let line = lines[path] { return line }
      path.removeLast()
    }
    return 1
  }

  // MARK: Scanning

  /// Whether a key or a section stands in the document.
  func contains(_ path: [String]) -> Bool { lines[path] != nil }

  private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func advance() {
    if byte == 0x0A { line += 1 }
    position += 1
  }

  private mutating func note(_ path: [String]) {
    if lines[path] == nil { lines[path] = line }
  }

  private mutating func scanDocument() {
    var table: [String] = []
    while true {
      skipBetween()
      guard let byte else { return }
      let start = position
      if byte == 0x5B {  // [
        table = scanHeader()
      } else {
        scanPair(in: table)
      }
      // Whatever that was, it is passed over.
      if position == start { advance() }
    }
  }

  /// Skips white space, comments and line ends.
  private mutating func skipBetween() {
    while let byte {
      switch byte {
      case 0x20, 0x09, 0x0D, 0x0A: advance()
      case 0x23: skipComment()
      default: return
      }
    }
  }

  private mutating func skipBlanks() {
    while byte == 0x20 || byte == 0x09 { advance() }
  }

  private mutating func skipComment() {
    while let byte, byte != 0x0A { advance() }
  }

  private mutating func scanHeader() -> [String] {
    advance()
    let isArray = byte == 0x5B
    if isArray { advance() }
    var path: [String] = []
    let keys = scanKeys()
    for (place, key) in keys.enumerated() {
      path.append(key)
      note(path)
      let isLast = place == keys.count - 1
      if isLast, isArray {
        let count = arrayCounts[path, default: 0]
        arrayCounts[path] = count + 1
        path.append(String(count))
        note(path)
      } else if let count = arrayCounts[path] {
        path.append(String(count - 1))
      }
    }
    while byte == 0x5D { advance() }
    return path
  }

  private mutating func scanPair(in table: [String]) {
    var path = table
    for key in scanKeys() {
      path.append(key)
      note(path)
    }
    guard byte == 0x3D else { return }  // =
    advance()
    scanValue(path)
  }

  /// The parts of a dotted key.
  private mutating func scanKeys() -> [String] {
    var keys: [String] = []
    while true {
      skipBlanks()
      switch byte {
      case 0x22, 0x27: keys.append(scanString())
      default:
        let start = position
        while let byte, Self.isBareKey(byte) { advance() }
        if position == start { return keys }
        keys.append(String(decoding: bytes[start..<position], as: UTF8.self))
      }
      skipBlanks()
      guard byte == 0x2E else { return keys }  // .
      advance()
    }
  }

  private static func isBareKey(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x80...0xFF: true
    default: false
    }
  }

  private mutating func scanValue(_ path: [String]) {
    skipBlanks()
    switch byte {
    case 0x22, 0x27: _ = scanString()
    case 0x5B: scanArray(path)
    case 0x7B: scanInlineTable(path)
    default:
      while let byte, ![0x2C, 0x5D, 0x7D, 0x23, 0x0A].contains(byte) { advance() }
    }
  }

  private mutating func scanArray(_ path: [String]) {
    advance()
    var index = 0
    while true {
      skipBetween()
      guard let byte else { return }
      if byte == 0x5D { return advance() }
      if byte == 0x2C {
        advance()
        continue
      }
      let start = position
      let element = path + [String(index)]
      note(element)
      scanValue(element)
      index += 1
      if position == start { advance() }
    }
  }

  private mutating func scanInlineTable(_ path: [String]) {
    advance()
    while true {
      skipBetween()
      guard let byte else { return }
      if byte == 0x7D { return advance() }
      if byte == 0x2C {
        advance()
        continue
      }
      let start = position
      scanPair(in: path)
      if position == start { advance() }
    }
  }

  /// Takes a string of any of the four kinds; the escape sequences in a key that anyone would write are resolved.
  private mutating func scanString() -> String {
    guard let quote = byte else { return "" }
    var delimiter = 0
    while delimiter < 3, position + delimiter < bytes.count, bytes[position + delimiter] == quote { delimiter += 1 }
    if delimiter == 2 {
      position += 2
      return ""
    }
    position += delimiter
    var content: [UInt8] = []
    while let byte {
      if byte == quote {
        var run = 0
        while position + run < bytes.count, bytes[position + run] == quote { run += 1 }
        if delimiter == 1 || run >= 3 {
          // Quotation marks before the closing ones belong to the text.
          position += delimiter == 1 ? 1 : run
          break
        }
      }
      if byte == 0x5C, quote == 0x22 { advance() }
      if let byte = self.byte { content.append(byte) }
      advance()
    }
    return String(decoding: content, as: UTF8.self)
  }
}
