#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a file could not be read.
public struct FileError: Error, Equatable, Sendable {
  /// What the operating system says (`No such file or directory`).
  public var reason: String

  public init(reason: String) { self.reason = reason }

  /// What `errno` says.
  static var last: FileError { FileError(reason: String(cString: strerror(errno))) }
}

/// Reads files, as much of them as someone wants to have.
public enum FileInput {
  /// The first bytes of the file at `path`, or of standard input where there is none: one more than `limit` at most, so
  /// that the reader sees that it is too much.
  public static func read(_ path: String?, limit: Int) throws(FileError) -> [UInt8] {
    guard let path else { return try read(descriptor: 0, limit: limit) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last }
    defer { close(descriptor) }
    return try read(descriptor: descriptor, limit: limit)
  }

  private static func read(descriptor: Int32, limit: Int) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      let count = buffer.withUnsafeMutableBytes { systemRead(descriptor, $0) }
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last
      }
      bytes += buffer[..<min(count, limit + 1 - bytes.count)]
    }
    return bytes
  }

  private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Musl)
      Musl.read(descriptor, buffer.baseAddress, buffer.count)
    #else
      Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
  }
}
