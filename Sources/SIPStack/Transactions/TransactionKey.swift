/// What a message has in common with all others of its transaction (RFC 3261 §17.1.3 and §17.2.3).
///
/// An ACK has the key of the INVITE that it acknowledges; a CANCEL has its own, and ``inviteOfCancel`` finds the other.
public struct TransactionKey: Hashable, Sendable {
  /// Which side of the transaction we are.
  public enum Role: Hashable, Sendable { case client, server }

  /// How a branch begins that is unique for itself (RFC 3261 §8.1.1.7).
  public static let magicCookie = "z9hG4bK"

  public let role: Role
  /// Never `acknowledgement`.
  public let method: RequestMethod
  /// The identifying fields, each with its length before it so that no two lists of fields look alike.
  private let identity: [UInt8]

  private init(role: Role, method: RequestMethod, identity: [UInt8]) {
    self.role = role
    self.method = method == .acknowledgement ? .invite : method
    self.identity = identity
  }

  /// The key of a request that we send, and of its responses: the branch of the top Via and the method of the CSeq
  /// (§17.1.3). `branch` is compared without regard to case, as tokens are (§7.3.1).
  public static func client(branch: some Collection<UInt8>, method: RequestMethod) -> TransactionKey {
    var identity = IdentityWriter()
    identity.append(folding: branch)
    return TransactionKey(role: .client, method: method, identity: identity.bytes)
  }

  /// The key of a request that we receive: the branch and the sent-by of the top Via and the method (§17.2.3).
  ///
  /// A branch without the magic cookie is of no use; then `fallback` is asked for the fields of RFC 2543.
  public static func server(
    method: RequestMethod, branch: (some Collection<UInt8>)?, sentByHost: some Collection<UInt8>, sentByPort: UInt16?,
    fallback: @autoclosure () -> RFC2543Identity
  ) -> TransactionKey {
    guard let branch, hasMagicCookie(branch) else { return server(method: method, fallback()) }
    var identity = IdentityWriter()
    identity.append(folding: branch)
    identity.append(folding: sentByHost)
    identity.append(port: sentByPort)
    return TransactionKey(role: .server, method: method, identity: identity.bytes)
  }

  /// The key of a request of an RFC 2543 client.
  ///
  /// The To tag takes part only where the method is of no special kind: the ACK of a non-2xx response bears the tag
  /// that our response had, and a CANCEL the tag of the INVITE, so it would part what belongs together; the number of
  /// the CSeq already tells an INVITE inside a dialog from the one that founded it.
  public static func server(method: RequestMethod, _ fields: RFC2543Identity) -> TransactionKey {
    var identity = IdentityWriter()
    identity.append(fields.requestURI)
    identity.append(fields.fromTag)
    identity.append(fields.callIdentifier)
    identity.append(number: fields.sequenceNumber)
    identity.append(fields.topVia)
    if case .other = method { identity.append(fields.toTag) }
    return TransactionKey(role: .server, method: method, identity: identity.bytes)
  }

  /// Where this is the key of a CANCEL: the key of the INVITE that it cancels (§9.2).
  public var inviteOfCancel: TransactionKey {
    TransactionKey(role: role, method: .invite, identity: identity)
  }

  /// Where this is the key of an INVITE that we send: the key of its CANCEL, which has the same branch (§9.1).
  public var cancelOfInvite: TransactionKey {
    TransactionKey(role: role, method: .cancel, identity: identity)
  }

  /// Whether a branch begins with the magic cookie.
  public static func hasMagicCookie(_ branch: some Collection<UInt8>) -> Bool {
    let cookie = magicCookie.utf8
    return branch.count > cookie.count && branch.prefix(cookie.count).elementsEqual(cookie) { folded($0) == folded($1) }
  }
}

/// The fields that identify a request of a client that knows only RFC 2543 (RFC 3261 §17.2.3), as received.
public struct RFC2543Identity: Sendable {
  public var requestURI: [UInt8]
  /// Empty where there is none.
  public var toTag: [UInt8]
  /// Empty where there is none.
  public var fromTag: [UInt8]
  public var callIdentifier: [UInt8]
  public var sequenceNumber: UInt32
  /// The value of the top Via, whole.
  public var topVia: [UInt8]

  public init(
    requestURI: [UInt8], toTag: [UInt8], fromTag: [UInt8], callIdentifier: [UInt8], sequenceNumber: UInt32,
    topVia: [UInt8]
  ) {
    self.requestURI = requestURI
    self.toTag = toTag
    self.fromTag = fromTag
    self.callIdentifier = callIdentifier
    self.sequenceNumber = sequenceNumber
    self.topVia = topVia
  }
}

private func folded(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

/// Joins fields into one run of bytes.
private struct IdentityWriter {
  var bytes: [UInt8] = []

  init() { bytes.reserveCapacity(96) }

  mutating func append(_ field: some Collection<UInt8>) {
    append(number: UInt32(truncatingIfNeeded: field.count))
    bytes.append(contentsOf: field)
  }

  mutating func append(folding field: some Collection<UInt8>) {
    append(number: UInt32(truncatingIfNeeded: field.count))
    for byte in field { bytes.append(folded(byte)) }
  }

  mutating func append(number: UInt32) {
    for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
  }

  mutating func append(port: UInt16?) {
    // No port is not the same as the default port: one client writes all Vias of a transaction alike.
    append(number: port.map(UInt32.init) ?? .max)
  }
}
