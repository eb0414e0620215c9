import XMPPStack

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Who sees which contact of a component, from one run to the next: a line for each, the contact and the user.
///
/// The server keeps the rosters of its users, but does not tell a component that begins anew, nor does it ask it for the
/// presence of its contacts while users stay online (RFC 6121 §4.3.1: it asks when they come).
struct SubscriptionFile: Sendable {
  let path: String
  /// That of the component.
  let domain: String

  /// More than all that a component remembers.
  private static let maximumSize = 64 << 20

  /// Those of the last run; none where there is no file yet.
  func read() throws(FileError) -> [ContactSubscription] {
    guard access(path, F_OK) == 0 else { return [] }
    let bytes = try FileInput.read(path, limit: Self.maximumSize)
    guard bytes.count <= Self.maximumSize else {
      throw FileError(reason: "is larger than \(Self.maximumSize) bytes")
    }
    var subscriptions: [ContactSubscription] = []
    var number = 0
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      number += 1
      if line.isEmpty { continue }
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      // Somebody may have named another file by mistake, which must not be lost.
      guard words.count == 2, let contact = JID(String(words[0])), let user = JID(String(words[1])), contact.isBare,
        user.isBare, contact.domain == JID(local: nil, domain: domain)?.domain
      else { throw FileError(reason: "line \(number) is not a contact of \(domain) and a user") }
      subscriptions.append(ContactSubscription(contact: contact, user: user))
    }
    return subscriptions
  }

  /// Replaces the file as a whole, or leaves it as it was.
  func write(_ subscriptions: [ContactSubscription]) throws(FileError) {
    let lines = subscriptions.map { "\($0.contact) \($0.user)\n" }.sorted()
    let next = path + ".new"
    let descriptor = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .last }
    var bytes = Array(lines.joined().utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let error = FileError.last
        close(descriptor)
        throw error
      }
      bytes = bytes.dropFirst(count)
    }
    guard close(descriptor) == 0, rename(next, path) == 0 else { throw .last }
  }

  private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}
