import GrammarCompiler

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The few calls of the C library that a compiler needs.
enum Files {
  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { break }
      bytes += buffer[0..<count]
    }
    return ferror(file) == 0 ? bytes : nil
  }

  /// Writes `text`, unless the file holds just that already: then nothing that depends on it is built anew.
  ///
  /// - Returns: in the words of the system what is wrong, or `nil`.
  static func write(_ path: String, _ text: String) -> String? {
    let bytes = Array(text.utf8)
    if read(path) == bytes { return nil }
    guard let file = fopen(path, "wb") else { return lastError }
    let written = fwrite(bytes, 1, bytes.count, file)
    let problem = written == bytes.count ? nil : lastError
    if fclose(file) == 0 { return problem }
    return problem ?? lastError
  }

  /// Makes the directory with those around it; says in the words of the system what is wrong, or `nil`.
  static func makeDirectory(_ path: String) -> String? {
    var info = stat()
    if stat(path, &info) == 0 { return info.st_mode & S_IFMT == S_IFDIR ? nil : String(cString: strerror(ENOTDIR)) }
    if let slash = path.lastIndex(of: "/"), slash > path.startIndex, let problem = makeDirectory(String(path[..<slash]))
    {
      return problem
    }
    return mkdir(path, 0o777) == 0 || errno == EEXIST ? nil : lastError
  }

  private static var lastError: String { String(cString: strerror(errno)) }

  static func list(_ directory: String) -> [String] {
    guard let handle = opendir(directory) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
          String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  /// Every grammar below `directory`: files at the top are areas of their own, folders are areas. Where one cannot be
  /// read, `problem` says why: without it the others would be checked in vain.
  static func grammars(_ directory: String) -> (files: [SourceFile], problem: String?) {
    var files: [SourceFile] = []
    func add(_ path: String, area: String) -> String? {
      guard let text = read(path) else { return "cannot read \(path): \(lastError)" }
      files.append(SourceFile(path: path, area: area, text: text))
      return nil
    }
    for name in list(directory) {
      let path = "\(directory)/\(name)"
      if name.hasSuffix(".grammar") {
        if name == "targets.grammar" { continue }
        if let problem = add(path, area: String(name.dropLast(8))) { return (files, problem) }
        continue
      }
      for inner in list(path) where inner.hasSuffix(".grammar") {
        if let problem = add("\(path)/\(inner)", area: name) { return (files, problem) }
      }
    }
    return (files, nil)
  }

  static func printError(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBufferPointer { unsafe in Glibc.write(2, unsafe.baseAddress, unsafe.count) }
  }
}
