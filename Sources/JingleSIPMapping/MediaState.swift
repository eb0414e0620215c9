import CodecRuntime

/// One of the two parties of a Jingle session (XEP-0166 §3): who wrote a description decides what it means.
public enum Role: UInt8, Hashable, Sendable {
  case initiator, responder

  public var other: Role { self == .initiator ? .responder : .initiator }
}

/// Which Jingle transport a content has.
public enum TransportKind: Hashable, Sendable {
  /// XEP-0176.
  case iceUDP
  /// XEP-0371.
  case ice
  /// XEP-0177: an address without ICE.
  case rawUDP
}

/// What a content carries.
public enum MediaKind: Hashable, Sendable {
  case rtp
  /// SCTP over DTLS: data channels.
  case data
  /// Something that has no mapping: refused.
  case unmapped
}

/// Who sends, as the Jingle attribute `senders` has it: relative to the session (XEP-0166 §7.3).
public enum Senders: UInt8, Hashable, Sendable {
  case both = 1
  case initiator, responder, none
}

/// What the mapping has to remember of a session, from one description to the next.
///
/// A value: functions take it and change it. `translate` starts from an empty one.
public struct MediaState: Sendable {
  /// What a party last said of a content: a node of the SDP or the Jingle in which it came.
  public struct Description: Sendable {
    public var arena: Arena
    /// The node of the media section or of the content.
    public var index: Int
    /// It came as Jingle and was written as SDP.
    public var isJingle: Bool
  }

  /// An m-line and its content. Slots are never removed nor put in another order (RFC 3264 §8).
  public struct Slot: Sendable {
    /// Name of the content.
    public var name: String
    /// Value of `a=mid`; `nil` where the SIP side does not use it.
    public var mid: String?
    /// Who added the content.
    public var creator: Role
    public var kind: MediaKind
    public var transport: TransportKind
    /// Port 0 in SDP, or refused or removed in Jingle.
    public var isRejected = false
    /// Protocol of the m-line as the SIP side wrote it, which an answer has to repeat.
    public var protocolName: String?
    /// Who sends, by the last description of each party.
    public var sendersByInitiator: Senders?
    public var sendersByResponder: Senders?
    /// Counts changes of the ICE credentials on the SIP side (XEP-0176 §5.11).
    public var generation: UInt32 = 0
    /// Digest of the credentials that the SIP side used last.
    public var credentials: UInt64?
    public var setupByInitiator: DTLSRole?
    public var setupByResponder: DTLSRole?
    public var byInitiator: Description?
    public var byResponder: Description?

    init(name: String, mid: String?, creator: Role, kind: MediaKind, transport: TransportKind) {
      self.name = name
      self.mid = mid
      self.creator = creator
      self.kind = kind
      self.transport = transport
    }

    public subscript(description role: Role) -> Description? {
      get { role == .initiator ? byInitiator : byResponder }
      set { if role == .initiator { byInitiator = newValue } else { byResponder = newValue } }
    }

    public subscript(senders role: Role) -> Senders? {
      get { role == .initiator ? sendersByInitiator : sendersByResponder }
      set { if role == .initiator { sendersByInitiator = newValue } else { sendersByResponder = newValue } }
    }

    public subscript(setup role: Role) -> DTLSRole? {
      get { role == .initiator ? setupByInitiator : setupByResponder }
      set { if role == .initiator { setupByInitiator = newValue } else { setupByResponder = newValue } }
    }
  }

  /// Who opens the DTLS connection (RFC 4145 §4).
  public enum DTLSRole: UInt8, Hashable, Sendable {
    case active = 1
    case passive, actpass, holdconn
  }

  /// Our line `o=` (RFC 8866 §5.2).
  public struct Origin: Sendable {
    /// The initiator's local part is put here by the first description; `-` where there is none.
    public var username: String?
    /// Made from the session id where it is 0.
    public var sessionID: UInt64
    /// Grows with each description that differs from the one before.
    public var version: UInt64 = 0
    /// Also the address of `c=` where neither candidates nor ICE give one.
    public var address: String

    public init(username: String? = nil, sessionID: UInt64 = 0, address: String = "127.0.0.1") {
      self.username = username
      self.sessionID = sessionID
      self.address = address
    }
  }

  /// In the order of the m-lines.
  public var slots: [Slot] = []
  public var origin: Origin
  /// The SIP side has only a light ICE agent (RFC 8839 §5.3).
  public var isICELite = false
  /// Digest of the last description written as SDP, but for `o=`.
  var lastDigest: UInt64?

  public init(origin: Origin = Origin()) { self.origin = origin }
}

/// Something that the other protocol cannot say and that was dropped.
public struct Loss: Hashable, Sendable, CustomStringConvertible {
  /// As it looks in its protocol: `a=ice-lite`, `<rtp:encryption> @required`.
  public var name: String
  public var reason: String

  /// Texts of the peer are made fit for a line of their own: control characters are escaped, and long texts cut.
  public init(name: String, reason: String) {
    self.name = Self.line(name)
    self.reason = Self.line(reason)
  }

  private static func line(_ text: String) -> String {
    // Nearly all are short and printable ASCII.
    if text.utf8.count <= 256, text.utf8.allSatisfy({ $0 &- 0x20 < 0x5F }) { return text }
    var result = ""
    for scalar in text.unicodeScalars.prefix(256) {
      if scalar.properties.generalCategory == .control || scalar.value == 0x2028 || scalar.value == 0x2029 {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return text.unicodeScalars.count > 256 ? result + "…" : result
  }

  public var description: String { reason.isEmpty ? name : "\(name): \(reason)" }
}

/// Why a description cannot be translated at all.
public enum MappingFailure: Error, Equatable, Sendable {
  /// More media sections or contents than any call has.
  case tooManyMedia(Int)
  /// It would become larger than what can be held.
  case tooLarge
}

/// A translation and what was lost in it.
public struct Translation: Sendable {
  /// The root node is at index 0.
  public let arena: Arena
  public let losses: [Loss]
}
