import CodecRuntime

/// What a client sends for the mechanism PLAIN (RFC 4616 §2).
struct PlainMessage: Equatable {
  var authorizationIdentity: String
  var authenticationIdentity: String
  var password: [UInt8]

  enum Fault: Error { case incorrectEncoding, malformedRequest }

  /// Reads the content of `<auth/>` or `<response/>`: Base64, or `=` for an empty message (RFC 6120 §6.4.2).
  init(base64 text: Text) throws(Fault) {
    let decoded = text.withBytes { bytes -> [UInt8]? in
      bytes.count == 1 && bytes[0] == 0x3D ? [] : decodeBase64(bytes)
    }
    guard let decoded else { throw .incorrectEncoding }
    let parts = decoded.split(separator: 0, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty,
      let authorizationIdentity = String(validating: parts[0], as: UTF8.self),
      let authenticationIdentity = String(validating: parts[1], as: UTF8.self)
    else { throw .malformedRequest }
    self.authorizationIdentity = authorizationIdentity
    self.authenticationIdentity = authenticationIdentity
    password = Array(parts[2])
  }
}

/// Whether both are the same; the time depends on the length of `given` only, which is what its sender knows anyway.
func isSameInConstantTime(_ given: [UInt8], _ secret: [UInt8]) -> Bool {
  var difference = UInt64(truncatingIfNeeded: given.count ^ secret.count)
  for index in given.indices {
    let other = secret.isEmpty ? 0 : secret[index % secret.count]
    difference |= UInt64(given[index] ^ other)
  }
  return difference == 0
}

/// Base64 (RFC 4648 §4), strictly: padded, without white space, without bits left over. `nil`: it is not.
func decodeBase64(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
  guard text.count % 4 == 0 else { return nil }
  var decoded: [UInt8] = []
  decoded.reserveCapacity(text.count / 4 * 3)
  var padding = 0
  var group: UInt32 = 0
  for index in 0..<text.count {
    let byte = text[index]
    let value: UInt32
    switch byte {
    case 0x41...0x5A: value = UInt32(byte) - 0x41
    case 0x61...0x7A: value = UInt32(byte) - 0x61 + 26
    case 0x30...0x39: value = UInt32(byte) - 0x30 + 52
    case 0x2B: value = 62
    case 0x2F: value = 63
    case 0x3D where index >= text.count - 2:
      value = 0
      padding += 1
    default: return nil
    }
    if padding > 0, byte != 0x3D { return nil }
    group = group << 6 | value
    if index % 4 == 3 {
      decoded.append(UInt8(truncatingIfNeeded: group >> 16))
      if padding < 2 { decoded.append(UInt8(truncatingIfNeeded: group >> 8)) }
      if padding < 1 { decoded.append(UInt8(truncatingIfNeeded: group)) }
      if padding == 2, group & 0xFFFF != 0 { return nil }
      if padding == 1, group & 0xFF != 0 { return nil }
      group = 0
    }
  }
  return decoded
}
