import CodecRuntime
import JingleCodec
import Testing
import XMLReader

/// Elements beside `<jingle/>` that stanzas hold.
@Suite("Payloads of stanzas")
struct PayloadTests {
  /// Reads an element that is as its XEP says, and checks that it is written as it came.
  private func read<Payload: ElementPayload>(_ xml: String, as type: Payload.Type) throws -> Payload {
    let reading = try #require(Payload.read(try XMLReader.parseDocument(Array(xml.utf8))), "\(xml)")
    #expect(reading.issues == [], "\(xml)")
    var output = Output()
    reading.element.write(to: &output)
    #expect(output.string == xml)
    return reading.element
  }

  @Test("XEP-0353 §3.1: propose names the applications, also those that are not RTP")
  func propose() throws {
    let propose = try read(
      "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='video'/><description xmlns='urn:xmpp:jingle:apps:file-transfer:5'/></propose>",
      as: JingleMessagePropose.self)
    #expect(propose.id.string == "c1")
    #expect(propose.descriptions.map(\.media.string) == ["audio", "video"])
  }

  @Test("XEP-0353 §3.2, §3.4: ringing and proceed, and who answers by OMEMO")
  func answers() throws {
    #expect(
      try read("<ringing xmlns='urn:xmpp:jingle-message:0' id='c1'/>", as: JingleMessageRinging.self).id.string == "c1")
    let proceed = try read(
      "<proceed xmlns='urn:xmpp:jingle-message:0' id='c1'><device xmlns='http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification' id='1285073097'/></proceed>",
      as: JingleMessageProceed.self)
    #expect(proceed.device?.id == 1_285_073_097)
    #expect(
      try read("<accept xmlns='urn:xmpp:jingle-message:0' id='c1'/>", as: JingleMessageAccept.self).id.string == "c1")
  }

  @Test("XEP-0353 §3.3, §3.5, §3.7, §4: retract, reject and finish say why; tie-break and migrated")
  func ends() throws {
    let retract = try read(
      "<retract xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><cancel/><text>Retracted</text></reason></retract>",
      as: JingleMessageRetract.self)
    #expect(retract.reason?.cancel != nil && retract.reason?.phrase?.text.string == "Retracted")
    let reject = try read(
      "<reject xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><expired/></reason><tie-break/></reject>",
      as: JingleMessageReject.self)
    #expect(reject.tieBreak != nil && reject.reason?.expired != nil)
    let finish = try read(
      "<finish xmlns='urn:xmpp:jingle-message:0' id='c1'><reason xmlns='urn:xmpp:jingle:1'><success/></reason><migrated to='c2'/></finish>",
      as: JingleMessageFinish.self)
    #expect(finish.migrated?.to.string == "c2")
  }

  @Test("XEP-0482 §2: an invitation, and what becomes of it")
  func invitations() throws {
    let invite = try read(
      "<invite xmlns='urn:xmpp:call-invites:0' video='true'><jingle sid='s' jid='mixer@example.com/u'/><external uri='tel:+4930123456'/></invite>",
      as: CallInvitesInvite.self)
    #expect(invite.video == .true)
    #expect(invite.multiOrDefault == .false)
    #expect(invite.jingles.first?.sid.string == "s")
    #expect(invite.externals.first?.uri.string == "tel:+4930123456")
    let accept = try read(
      "<accept xmlns='urn:xmpp:call-invites:0' id='m'><jingle sid='s'/></accept>", as: CallInvitesAccept.self)
    #expect(accept.jingle?.sid.string == "s")
    _ = try read("<retract xmlns='urn:xmpp:call-invites:0' id='m'/>", as: CallInvitesRetract.self)
    _ = try read("<reject xmlns='urn:xmpp:call-invites:0' id='m'/>", as: CallInvitesReject.self)
    _ = try read("<left xmlns='urn:xmpp:call-invites:0' id='m'/>", as: CallInvitesLeft.self)
  }

  @Test("XEP-0181 §2: keys of the telephone; what is no key is an issue")
  func tones() throws {
    let jingle = try read(
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s'><dtmf xmlns='urn:xmpp:jingle:dtmf:0' code='7' duration='400' volume='42'/><dtmf xmlns='urn:xmpp:jingle:dtmf:0' code='#'/></jingle>",
      as: Jingle.self)
    #expect(jingle.tones.map(\.code.string) == ["7", "#"])
    #expect(jingle.tones.map(\.durationOrDefault) == [400, 100])
    let wrong =
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s'><dtmf xmlns='urn:xmpp:jingle:dtmf:0' code='12'/></jingle>"
    let reading = try #require(Jingle.read(try XMLReader.parseDocument(Array(wrong.utf8))))
    #expect(reading.issues.map(\.location) == ["jingle/dtmf@code"])
  }

  @Test(
    "words of which the XEP has a list: others are issues",
    arguments: [
      ("<content name='a' senders='nobody'/>", "jingle/content@senders"),
      ("<content name='a' creator='me'/>", "jingle/content@creator"),
      (
        "<content name='a'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'><candidate component='1' foundation='1' ip='192.0.2.1' port='1' priority='1' protocol='udp' type='local'/></transport></content>",
        "jingle/content/transport/candidate@type"
      ),
      (
        "<content name='a'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'><fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha3-256' setup='client'>AA</fingerprint></transport></content>",
        "jingle/content/transport/fingerprint@setup"
      ),
    ])
  func wordsOfAList(_ content: String, _ location: String) throws {
    let text = "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s'>\(content)</jingle>"
    let reading = try #require(Jingle.read(try XMLReader.parseDocument(Array(text.utf8))))
    #expect(reading.issues.map(\.location) == [location])
  }

  @Test("XEP-0166 §7.1: an action that nobody has defined")
  func unknownAction() throws {
    let text = "<jingle xmlns='urn:xmpp:jingle:1' action='session-start' sid='s'/>"
    let reading = try #require(Jingle.read(try XMLReader.parseDocument(Array(text.utf8))))
    #expect(reading.issues.map(\.location) == ["jingle@action"])
    #expect(reading.jingle.sid?.string == "s")
  }

  @Test("XEP-0166 §10, XEP-0167 §7: errors of Jingle and of RTP", arguments: ["crypto-required", "invalid-crypto"])
  func errors(_ name: String) throws {
    let reason = try read(
      "<jingle xmlns='urn:xmpp:jingle:1' action='session-terminate' sid='s'><reason><security-error/><\(name) xmlns='urn:xmpp:jingle:apps:rtp:errors:1'/></reason></jingle>",
      as: Jingle.self
    ).reason
    #expect(reason?.securityError != nil)
    #expect((reason?.cryptoRequired != nil) == (name == "crypto-required"))
    #expect((reason?.invalidCrypto != nil) == (name == "invalid-crypto"))
    let namespace = "xmlns='urn:xmpp:jingle:errors:1'"
    _ = try read("<out-of-order \(namespace)/>", as: ErrorsOutOfOrder.self)
    _ = try read("<tie-break \(namespace)/>", as: ErrorsTieBreak.self)
    _ = try read("<unknown-session \(namespace)/>", as: ErrorsUnknownSession.self)
    _ = try read("<unsupported-info \(namespace)/>", as: ErrorsUnsupportedInfo.self)
  }

  @Test("an element of another name is none, and built values are written")
  func building() throws {
    let xml = try XMLReader.parseDocument(Array("<propose xmlns='urn:xmpp:call-invites:0' id='c1'/>".utf8))
    #expect(JingleMessagePropose.read(xml)?.element.id == nil)
    var output = Output()
    try JingleMessagePropose(.init(id: "c1", descriptions: [.init(media: "audio")])).write(to: &output)
    #expect(
      output.string
        == "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>"
    )
  }
}
