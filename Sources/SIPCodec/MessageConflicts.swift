import CodecRuntime

extension SIPMessage {
  /// Conflicts between the start line and the rest (RFC 3261 §8.1.1.1, §8.1.1.5, §19.1.1, §21.5.6).
  func conflicts(contactLines: (first: Int, second: Int)) -> [SIPIssue] {
    var issues: [SIPIssue] = []
    func note(_ location: String, _ place: Slice, _ message: String, _ header: UInt32? = nil) {
      // In a message that was parsed, bytes of the arena are bytes of the input.
      let offset = place.isAbsent ? 0 : Int(place.offset)
      issues.append(SIPIssue(layer: .validation, location: location, offset: offset, message: message, header: header))
    }
    if let line = requestLine {
      if !line.version.isSpoken { note("SIP-Version", line.version.slice, "only SIP/2.0 is spoken here") }
      if let header = line.uri.headers.first { note("Request-URI", header.name.slice, "may not carry headers") }
      // The field has a word for the number, then the three of the method: its code and its text.
      if let sequence = headers.cseq, sequence.method != line.method {
        let place = arena.slice(at: sequence.index + 3)
        note("\(Headers.name(Headers.cseq))", place, "its method is not that of the request line", Headers.cseq)
      }
    } else if let line = statusLine, !line.version.isSpoken {
      note("SIP-Version", line.version.slice, "only SIP/2.0 is spoken here")
    }
    // RFC 3261 §8.1.1.5
    if let sequence = headers.cseq, sequence.number >> 31 != 0 {
      // Of at least ten digits, which stand in front of the method and the white space between.
      var place = arena.slice(at: sequence.index + 3)
      let front = Slice(offset: 0, length: place.offset)
      arena.withBytes(of: front) { bytes in
        let digits = bytes.lastIndex { (0x30...0x39).contains($0) } ?? bytes.endIndex
        let before = bytes[..<digits].lastIndex { !(0x30...0x39).contains($0) } ?? -1
        place = Slice(offset: UInt32(before + 1), length: UInt32(digits - before))
      }
      note("\(Headers.name(Headers.cseq))", place, "its number is not below 2147483648", Headers.cseq)
    }
    noteMissing(&issues)
    noteContacts(contactLines, &issues)
    return issues
  }

  /// What a request of this method, a response with this status, or a message with a body has to have.
  private func noteMissing(_ issues: inout [SIPIssue]) {
    func require(_ slot: UInt32) {
      if has(slot) { return }
      issues.append(
        SIPIssue(
          layer: .validation, location: "\(Headers.name(slot))", offset: 0, message: "is missing", header: slot))
    }
    if !body.isEmpty { Headers.requiredWithBody.slots().forEach(require) }
    if let line = requestLine, !isOld {
      Headers.required(in: line.method.code).slots().forEach(require)
    } else if let code = statusCode {
      Headers.required(in: code, to: headers.cseq?.method.code ?? 0).slots().forEach(require)
    }
  }

  /// RFC 3261 §8.1.1.7: the request is of an RFC 2543 client, of which less is asked (RFC 4475 §3.4.1).
  private var isOld: Bool {
    guard let branch = headers.via.first?.branch else { return true }
    return !branch.withInput { begins($0, 0, Tokens.branchCookie) }
  }

  /// Whether there is such a header field, and be its value malformed.
  private func has(_ slot: UInt32) -> Bool {
    var index = headers.start
    while index < headers.end {
      let found = arena.slot(of: index)
      if found == slot || found == Slot.malformedHeader && arena.word(index + 1) == slot { return true }
      index = arena.end(of: index)
    }
    return false
  }

  /// RFC 3261 §20.10: a "*" stands alone, and in a REGISTER. §8.1.1.8: a request that makes a dialog has one address.
  private func noteContacts(_ lines: (first: Int, second: Int), _ issues: inout [SIPIssue]) {
    func note(_ offset: Int, _ message: String) {
      let name = "\(Headers.name(Headers.contact))"
      issues.append(
        SIPIssue(layer: .validation, location: name, offset: offset, message: message, header: Headers.contact))
    }
    let fields = headers.contact
    let method = requestLine?.method
    if fields.contains(where: \.wildcard) {
      if method != .register {
        note(lines.first, "\"*\" stands in a REGISTER only")
      } else if lines.second > 0 {
        note(lines.second, "\"*\" stands alone")
      }
      return
    }
    guard let method, Headers.required(in: method.code).slots().contains(Headers.contact),
      fields.reduce(0, { $0 + $1.contacts.count }) > 1
    else { return }
    note(lines.second > 0 ? lines.second : lines.first, "a request of this method has one address")
  }
}

extension Text {
  /// RFC 3261 §7.1: the version is compared without regard to case.
  fileprivate var isSpoken: Bool {
    count == 7 && withInput { isIgnoringCase($0, 0, "sip/2.0") }
  }
}
