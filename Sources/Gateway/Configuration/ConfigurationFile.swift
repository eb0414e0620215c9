import TOMLKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A configuration that was read from a file.
public struct ConfigurationFile: Sendable {
  public var configuration: Configuration
  /// What was passed over.
  public var warnings: [ConfigurationProblem]
  private let lines: TOMLLines

  /// The longest file that is read, in bytes.
  public static let maximumSize = 1 << 20

  /// Reads the file at `path`.
  public init(path: String) throws(ConfigurationError) {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try FileInput.read(path, limit: Self.maximumSize)
    } catch {
      throw ConfigurationError(file: path, problems: [.init(line: 1, message: "cannot be read: \(error.reason)")])
    }
    try self.init(parsing: bytes, file: path) { access($0, R_OK) == 0 }
  }

  /// Reads the text of a file.
  ///
  /// - Parameters:
  ///   - file: what errors call it.
  ///   - isReadable: whether there is a file at a path.
  public init(
    parsing bytes: [UInt8], file: String, isReadable: @escaping (String) -> Bool = { _ in true }
  ) throws(ConfigurationError) {
    func refuse(_ line: Int, _ message: String) -> ConfigurationError {
      ConfigurationError(file: file, problems: [.init(line: line, message: message)])
    }
    guard bytes.count <= Self.maximumSize else { throw refuse(1, "is larger than \(Self.maximumSize) bytes") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw refuse(Self.lineOfInvalidUTF8(bytes), "is not UTF-8")
    }
    // For the parser, which is written in C++, the text would end there.
    if let end = bytes.firstIndex(of: 0) { throw refuse(Self.line(of: end, in: bytes), "a NUL character") }
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw refuse(max(error.source.begin.line, 1), error.description)
    } catch {
      throw refuse(1, "\(error)")
    }
    lines = TOMLLines(bytes)
    let report = ConfigurationReport(lines)
    let configuration = ConfigurationReader(report: report, isReadable: isReadable).read(table)
    guard report.errors.isEmpty else {
      throw ConfigurationError(file: file, problems: report.errors.sorted { $0.line < $1.line })
    }
    self.configuration = configuration
    warnings = report.warnings.sorted { $0.line < $1.line }
  }

  /// The line on which a key stands; of one that is absent, that of the innermost section around it.
  public func line(of key: [String]) -> Int {
    // [sip] may be there under its predecessor's name.
    if key.first == "sip", !lines.contains(["sip"]) {
      return lines.line(of: ["modules", "mod_jingle_sip"] + key.dropFirst())
    }
    return lines.line(of: key)
  }

  private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
    bytes[..<offset].reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
  }

  private static func lineOfInvalidUTF8(_ bytes: [UInt8]) -> Int {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where String(validating: line, as: UTF8.self) == nil { return index + 1 }
    return 1
  }
}
