import TOMLKit

/// Collects what is wrong with a configuration while it is read.
final class ConfigurationReport {
  private(set) var errors: [ConfigurationProblem] = []
  private(set) var warnings: [ConfigurationProblem] = []
  private let lines: TOMLLines

  init(_ lines: TOMLLines) { self.lines = lines }

  func line(of path: [String]) -> Int { lines.line(of: path) }

  func error(_ path: [String], _ message: String) {
    errors.append(ConfigurationProblem(line: line(of: path), message: message))
  }

  func warning(_ path: [String], _ message: String) {
    warnings.append(ConfigurationProblem(line: line(of: path), message: message))
  }
}

/// Reads one table; notes which keys it was asked for, so that the others can be found.
struct ConfigurationSection {
  let path: [String]
  private let table: TOMLTable
  private let report: ConfigurationReport
  private var known: [String] = []

  init(_ table: TOMLTable, path: [String], report: ConfigurationReport) {
    self.table = table
    self.path = path
    self.report = report
  }

  /// How errors call the section.
  private var name: String { path.isEmpty ? "the configuration" : "[\(path.joined(separator: "."))]" }

  func contains(_ key: String) -> Bool { table[key] != nil }

  /// Whether there is an array at `key` and nothing in it.
  func isEmptyArray(_ key: String) -> Bool { table[key]?.tomlValue.array?.isEmpty ?? false }

  func error(_ key: String, _ message: String) { report.error(path + [key], message) }

  func warning(_ key: String, _ message: String) { report.warning(path + [key], message) }

  private mutating func value(_ key: String) -> TOMLValue? {
    known.append(key)
    return table[key]?.tomlValue
  }

  private func wrongType(_ key: String, _ value: TOMLValue, _ expected: String) {
    error(key, "`\(key)` is \(Self.describe(value.type)), it has to be \(expected)")
  }

  static func describe(_ type: TOMLType) -> String {
    switch type {
    case .table: "a table"
    case .array: "an array"
    case .string: "a string"
    case .int: "an integer"
    case .double: "a floating-point number"
    case .bool: "a boolean"
    case .date, .time, .dateTime: "a date or time"
    }
  }

  /// A string; `nil` where it is absent or none.
  mutating func string(_ key: String) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else {
      wrongType(key, value, "a string")
      return nil
    }
    return text
  }

  /// A string for which `problem` finds no fault.
  mutating func string(_ key: String, unless problem: (String) -> String?) -> String? {
    guard let text = string(key) else { return nil }
    if let problem = problem(text) {
      error(key, "`\(key)` \(problem)")
      return nil
    }
    return text
  }

  /// The strings in the array at `key` for which `problem` finds no fault; `nil` where there is no array.
  mutating func strings(_ key: String, unless problem: (String) -> String?) -> [String]? {
    guard let value = value(key) else { return nil }
    guard let array = value.array else {
      wrongType(key, value, "an array of strings")
      return nil
    }
    var texts: [String] = []
    for (index, element) in array.enumerated() {
      let place = path + [key, String(index)]
      if let text = element.tomlValue.string {
        if let problem = problem(text) {
          report.error(place, "an element of `\(key)` \(problem)")
        } else {
          texts.append(text)
        }
      } else {
        report.error(place, "an element of `\(key)` is \(Self.describe(element.type)), it has to be a string")
      }
    }
    return texts
  }

  mutating func boolean(_ key: String) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let flag = value.bool else {
      wrongType(key, value, "a boolean")
      return nil
    }
    return flag
  }

  mutating func port(_ key: String) -> UInt16? {
    guard let value = value(key) else { return nil }
    guard let number = value.int else {
      wrongType(key, value, "an integer")
      return nil
    }
    guard let port = UInt16(exactly: number) else {
      error(key, "`\(key)` is \(number), a port is a number from 0 to 65535")
      return nil
    }
    return port
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
    guard let value = value(key) else { return nil }
    guard let number = value.int else {
      wrongType(key, value, "an integer")
      return nil
    }
    guard range.contains(number) else {
      error(key, "`\(key)` is \(number), it is a number from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type) -> Choice?
  where Choice.RawValue == String {
    guard let text = string(key) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let names = Choice.allCases.map(\.rawValue)
    let hint = Spelling.nearest(to: text, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
    let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
    error(key, "`\(key)` is \(Spelling.quoted(text)), it has to be one of \(list)\(hint)")
    return nil
  }

  /// The table at `key`.
  mutating func section(_ key: String) -> ConfigurationSection? {
    guard let value = value(key) else { return nil }
    guard let table = value.table else {
      wrongType(key, value, "a table")
      return nil
    }
    return ConfigurationSection(table, path: path + [key], report: report)
  }

  /// The tables in the array at `key`.
  mutating func sections(_ key: String) -> [ConfigurationSection] {
    guard let value = value(key) else { return [] }
    guard let array = value.array else {
      wrongType(key, value, "an array of tables")
      return []
    }
    var sections: [ConfigurationSection] = []
    for (index, element) in array.enumerated() {
      let place = path + [key, String(index)]
      if let table = element.table {
        sections.append(ConfigurationSection(table, path: place, report: report))
      } else {
        report.error(place, "an element of `\(key)` is \(Self.describe(element.type)), it has to be a table")
      }
    }
    return sections
  }

  /// Warns of a key that is known and does nothing here.
  mutating func passOver(_ key: String, _ reason: String) {
    known.append(key)
    if contains(key) { report.warning(path + [key], reason) }
  }

  /// Keys that nobody has asked for.
  var unknownKeys: [String] { table.keys.filter { !known.contains($0) } }

  /// Keys that nobody has asked for are errors: a misspelt one would be passed over in silence.
  func finish() {
    for key in unknownKeys {
      let hint = Spelling.nearest(to: key, in: known).map { "; did you mean `\($0)`?" } ?? ""
      let place = path.contains { Int($0) != nil } ? "here" : "in \(name)"
      error(key, "there is no key `\(Spelling.unquoted(key))` \(place)\(hint)")
    }
  }
}

/// Which of the known names someone may have meant.
enum Spelling {
  /// A text of the user in a message: in quotation marks, on one line, not without end.
  static func quoted(_ text: String) -> String {
    JSONObject.quoted(text.count > 64 ? text.prefix(64) + "…" : text)
  }

  /// A key of the user in a message, likewise.
  static func unquoted(_ key: String) -> Substring { quoted(key).dropFirst().dropLast() }

  /// The nearest of `names`; `nil` where none is near.
  static func nearest(to text: String, in names: [String]) -> String? {
    let limit = max(2, text.count / 3)
    let near = names.map { (name: $0, distance: distance(text, $0)) }.filter { $0.distance <= limit }
    return near.min { $0.distance < $1.distance }?.name
  }

  /// Characters to insert, remove or replace (Levenshtein), without regard to case and to `-` for `_`.
  static func distance(_ left: String, _ right: String) -> Int {
    let left = left.prefix(64).lowercased().map { $0 == "-" ? "_" : $0 }
    let right = right.lowercased().map { $0 == "-" ? "_" : $0 }
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
        diagonal = above
      }
    }
    return row[right.count]
  }
}
