import CodecRuntime

extension SIPMessage {
  /// A request from plain values; Content-Length is added (RFC 3261 §8.1.1).
  ///
  /// Throws: `DraftError` for a value that the grammars do not allow, so that nothing can be smuggled into the message.
  public init(
    request method: Method, uri: URI.Draft, headers: [HeaderDraft], body: [UInt8] = []
  ) throws(DraftError) {
    var tape = Tape()
    let root = tape.open(Slot.message, fixedWords: Self.rootWords)
    try RequestLine.Draft(method: method, uri: uri, version: Self.version).append(to: &tape, slot: Slot.requestLine)
    try self.init(root: root, consume tape, headers, body)
  }

  /// A response from plain values; the usual phrase is taken where none is given.
  public init(
    status code: Int, phrase: String? = nil, headers: [HeaderDraft], body: [UInt8] = []
  ) throws(DraftError) {
    var tape = Tape()
    let root = tape.open(Slot.message, fixedWords: Self.rootWords)
    try StatusLine.Draft(version: Self.version, code: String(code), reason: phrase ?? StatusCodes.phrase(code) ?? "")
      .append(to: &tape, slot: Slot.statusLine)
    try self.init(root: root, consume tape, headers, body)
  }

  /// The version that this codec writes (RFC 3261 §7.1).
  private static let version = "SIP/2.0"

  private init(
    root: Int, _ started: consuming Tape, _ headers: [HeaderDraft], _ body: [UInt8]
  ) throws(DraftError) {
    var tape = started
    for header in headers { try header.append(to: &tape) }
    try HeaderDraft.contentLength(.init(value: UInt32(body.count))).append(to: &tape)
    tape.set(root + 1, body.withUnsafeBufferPointer { tape.append($0) })
    tape.close(root)
    self.init(arena: tape.finish(), issues: [])
  }
}
