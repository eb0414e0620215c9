import CodecRuntime
import JingleCodec
import SDPCodec
import SIPCodec

/// What the client and the phone of the demonstration say of media. Nothing is sent to the ports that they name.
enum DemoMedia {
  // MARK: The client

  /// The offer of a browser: Opus and the codecs of telephones, ICE, DTLS-SRTP.
  static func initiate(sid: String, initiator: String, address: String) throws(DraftError) -> Jingle {
    let payloadTypes: [RTPPayloadType.Draft] = [
      .init(
        id: 111, name: "opus", clockrate: 48000, channels: 2,
        parameters: [.init(name: "minptime", value: "10"), .init(name: "useinbandfec", value: "1")],
        rtcpFeedback: [.init(type: "transport-cc")]),
      .init(id: 0, name: "PCMU", clockrate: 8000), .init(id: 8, name: "PCMA", clockrate: 8000),
      .init(id: 126, name: "telephone-event", clockrate: 8000),
    ]
    let candidate = ICEUDPCandidate.Draft(
      component: 1, foundation: "1", generation: 0, id: "c1", ip: address, network: 0, port: 40_000,
      priority: 2_130_706_431, protocol: "udp", type: .host)
    let transport = ICEUDPTransport.Draft(
      ufrag: "Yw3k", pwd: "6k1mZ0cTq2sVbX8dRf5hJn7p", candidates: [candidate],
      fingerprints: [.init(hash: "sha-256", setup: .actpass, text: fingerprint)])
    let content = JingleContent.Draft(
      creator: .initiator, name: "0", senders: .both,
      description: .init(media: "audio", payloadTypes: payloadTypes, rtcpMux: .init()), iceUDP: transport)
    return try Jingle(.init(action: .sessionInitiate, sid: sid, initiator: initiator, contents: [content]))
  }

  /// Takes each content with the codecs as they are offered, by plain RTP at an address of its own.
  static func accept(_ offer: Jingle, responder: String, address: String) throws(DraftError) -> Jingle {
    let contents = offer.contents.map { offered in
      let payloadTypes = offered.description?.payloadTypes.map { codec in
        RTPPayloadType.Draft(id: codec.id, name: codec.name?.string, clockrate: codec.clockrate)
      }
      return JingleContent.Draft(
        creator: .initiator, name: offered.name.string, senders: .both,
        description: .init(media: offered.description?.media.string ?? "audio", payloadTypes: payloadTypes ?? []),
        rawUDP: .init(candidates: [.init(component: 1, generation: 0, id: "c2", ip: address, port: 40_002)]))
    }
    return try Jingle(
      .init(action: .sessionAccept, sid: offer.sid?.string, responder: responder, contents: contents))
  }

  // MARK: The phone

  private static let phonePort: UInt16 = 40_010
  private static let phoneCodecs: [RtpmapAttribute.Draft] = [
    .init(payloadType: 0, encoding: "PCMU", clockRate: 8000), .init(payloadType: 8, encoding: "PCMA", clockRate: 8000),
    .init(payloadType: 101, encoding: "telephone-event", clockRate: 8000),
  ]

  /// The offer of a plain telephone.
  static func phoneOffer(address: String) throws(DraftError) -> [UInt8] {
    var lines: [LineDraft] = [
      .media(
        .init(media: "audio", port: phonePort, protocol: "RTP/AVP", formats: phoneCodecs.map { String($0.payloadType) })
      )
    ]
    lines += phoneCodecs.map { .rtpmap($0) }
    return try SessionDescription(lines: session(address), media: [lines]).bytes
  }

  /// Takes of each medium the codecs that the phone has, and DTLS-SRTP where it is offered; `nil` where there are none.
  static func phoneAnswer(to message: SIPMessage, address: String) throws -> [UInt8]? {
    let offer = try message.body.withBytes { bytes in try SessionDescription(parsing: bytes) }
    var isTaken = false
    let media = offer.media.map { offered -> [LineDraft] in
      guard let line = offered.lines.media.first else { return [] }
      let codecs = offered.lines.rtpmap.filter { known($0) }.map(RtpmapAttribute.Draft.init)
      var answer = MediaLine.Draft(line)
      guard !codecs.isEmpty, line.port != 0 else {
        answer.port = 0
        return [.media(answer)]
      }
      isTaken = true
      answer.port = phonePort
      answer.formats = codecs.map { String($0.payloadType) }
      var lines: [LineDraft] = [.media(answer)]
      lines += offered.lines.mid.map { .mid(.init($0)) }
      lines += codecs.map { .rtpmap($0) }
      if offered.lines.rtcpMux { lines.append(.rtcpMux) }
      if offered.lines.fingerprint.first != nil || offer.session.fingerprint.first != nil {
        lines += [.setup(.init(role: .active)), .fingerprint(.init(hash: .sha256, value: fingerprint))]
      }
      return lines
    }
    return isTaken ? try SessionDescription(lines: session(address), media: Array(media)).bytes : nil
  }

  private static func known(_ codec: RtpmapAttribute) -> Bool {
    phoneCodecs.contains {
      $0.encoding.lowercased() == codec.encoding.string.lowercased() && $0.clockRate == codec.clockRate
    }
  }

  private static func session(_ address: String) -> [LineDraft] {
    [
      .protocolVersion(.init(value: 0)),
      .origin(
        .init(
          username: "phone", sessionID: "1", sessionVersion: "1", netType: "IN", addrType: "IP4", address: address)),
      .sessionName(.init(value: "-")),
      .connection(.init(netType: "IN", addrType: "IP4", address: address)),
      .timing(.init(start: 0, stop: 0)),
    ]
  }

  /// Of a certificate that nobody has.
  private static let fingerprint = (0..<32).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }
    .joined(separator: ":").uppercased()
}
