import SIPStack
import Testing

@Suite struct DialogSequenceTests {
  @Test("§12.2.2: lower numbers are out of order, gaps are not; §12.1.1: the first request sets the number")
  func remote() {
    var sequence = DialogSequence(local: 1, remote: nil)
    #expect(sequence.admit(10, method: .other("X")) == .inOrder)
    #expect(sequence.admit(9, method: .other("X")) == .outOfOrder)
    #expect(sequence.remote == 10)
    #expect(sequence.admit(20, method: .invite) == .inOrder)
    #expect(sequence.admit(20, method: .other("X")) == .inOrder)
    #expect(sequence.remote == 20)
  }

  @Test("§12.2.2: ACK and CANCEL bear their INVITE's number and change nothing")
  func exempt() {
    var sequence = DialogSequence(local: 1, remote: 20)
    #expect(sequence.admit(5, method: .acknowledgement) == .inOrder)
    #expect(sequence.admit(5, method: .cancel) == .inOrder)
    #expect(sequence.remote == 20)
  }

  @Test("§12.2.1.1: our numbers rise by one; §8.1.1.5: they stay under 2³¹")
  func local() {
    var sequence = DialogSequence(local: 7, remote: nil)
    #expect(sequence.nextLocal() == 8)
    #expect(sequence.nextLocal() == 9)
    var last = DialogSequence(local: 0x7FFF_FFFE, remote: nil)
    #expect(last.nextLocal() == 0x7FFF_FFFF)
    #expect(last.nextLocal() == nil)
    var broken = DialogSequence(local: .max, remote: nil)
    #expect(broken.nextLocal() == nil)
  }
}

@Suite struct GlareTests {
  @Test("§14.1: no INVITE beside another; §14.2: 491 while ours is pending, 500 while theirs is")
  func exclusion() {
    var generator = IdentifierGenerator(seed: 1)
    var exclusion = InviteExclusion()
    #expect(exclusion.beginLocal() == true)
    #expect(exclusion.beginLocal() == false)
    #expect(exclusion.receive(using: &generator) == .requestPending)
    exclusion.localEnded()
    #expect(exclusion.receive(using: &generator) == .admitted)
    #expect(exclusion.beginLocal() == false)
    for _ in 0..<100 {
      guard case .retryAfter(let seconds) = exclusion.receive(using: &generator) else {
        Issue.record("a second INVITE was not put off")
        return
      }
      #expect(0...10 ~= seconds)
    }
    exclusion.remoteEnded()
    #expect(exclusion.beginLocal() == true)
  }

  @Test("§14.1: the owner of the Call-ID waits 2.1–4 s, the other 0–2 s, in units of 10 ms", arguments: 1...20)
  func delay(seed: UInt64) {
    var generator = IdentifierGenerator(seed: seed)
    var owners: Set<UInt64> = []
    var others: Set<UInt64> = []
    for _ in 0..<5000 {
      owners.insert(Glare.delay(ownsCallIdentifier: true, using: &generator).nanoseconds)
      others.insert(Glare.delay(ownsCallIdentifier: false, using: &generator).nanoseconds)
    }
    #expect(owners == Set((210...400).map { $0 * 10_000_000 }))
    #expect(others == Set((0...200).map { $0 * 10_000_000 }))
  }
}

@Suite struct RouteSetTests {
  let loose = [RouteEntry(address: "p1", isLoose: true), RouteEntry(address: "p2", isLoose: true)]
  let strict = [RouteEntry(address: "p1", isLoose: false), RouteEntry(address: "p2", isLoose: true)]

  @Test("§12.1.1: the callee keeps the order; §12.1.2: the caller reverses it")
  func construction() {
    #expect(RouteSet(ofCalleeFrom: loose).entries == loose)
    #expect(RouteSet(ofCallerFrom: loose).entries == loose.reversed())
  }

  @Test("§12.2.1.1: an empty route set")
  func empty() {
    let route = RouteSet<String>(ofCalleeFrom: []).route(to: "bob")
    #expect(route.requestTarget == "bob" && route.route.isEmpty && route.nextHop == "bob" && !route.isStrict)
  }

  @Test("§12.2.1.1: the first proxy routes loosely")
  func looseRouting() {
    let route = RouteSet(ofCalleeFrom: loose).route(to: "bob")
    #expect(route.requestTarget == "bob" && route.route == ["p1", "p2"] && route.nextHop == "p1" && !route.isStrict)
  }

  @Test("§12.2.1.1: the first proxy routes strictly")
  func strictRouting() {
    let route = RouteSet(ofCalleeFrom: strict).route(to: "bob")
    #expect(route.requestTarget == "p1" && route.route == ["p2", "bob"] && route.nextHop == "p1" && route.isStrict)
  }
}

@Suite struct AcceptedInviteTests {
  @Test("§13.3.1.4: the 2xx is repeated from T1, doubling to T2, for 64 T1")
  func schedule() {
    var invite = AcceptedInvite(at: at(0))
    var sent: [UInt64] = []
    var end: UInt64?
    while let deadline = invite.nextDeadline {
      switch invite.advance(to: deadline) {
      case .sendResponse: sent.append(deadline.milliseconds)
      case .timedOut: end = deadline.milliseconds
      case .none: Issue.record("nothing was due")
      }
    }
    #expect(sent == [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
    #expect(end == 32000)
    #expect(!invite.isWaiting)
    let late = invite.acknowledge()
    #expect(!late, "an ACK after the end starts nothing")
  }

  @Test("§13.3.1.4: the ACK stops it; a repeated ACK is known as such")
  func acknowledged() {
    var invite = AcceptedInvite(at: at(0))
    #expect(invite.advance(to: at(100)) == .none)
    #expect(invite.acknowledge() == true)
    #expect(invite.acknowledge() == false)
    #expect(invite.nextDeadline == nil)
  }
}

@Suite struct AcknowledgedInviteTests {
  @Test("§13.2.2.4: each repeated 2xx gets the stored ACK of its dialog")
  func repetition() {
    var invite = AcknowledgedInvite()
    #expect(invite.deadline == nil)
    #expect(invite.receive(remoteTag: "a", at: at(100)) == .first)
    #expect(invite.receive(remoteTag: "a", at: at(101)) == .ignored)
    invite.store(acknowledgement: [1], to: peer, forRemoteTag: "a")
    #expect(invite.receive(remoteTag: "b", at: at(200)) == .fork)
    invite.store(acknowledgement: [2], to: reliablePeer, forRemoteTag: "b")
    #expect(invite.receive(remoteTag: "a", at: at(600)) == .repeated(acknowledgement: [1], to: peer))
    #expect(invite.receive(remoteTag: "b", at: at(600)) == .repeated(acknowledgement: [2], to: reliablePeer))
    #expect(invite.deadline == at(32100))
  }

  @Test("forks are bounded")
  func bound() {
    var invite = AcknowledgedInvite()
    for fork in 0..<100 {
      let reception = invite.receive(remoteTag: "\(fork)", at: at(0))
      #expect((reception == .ignored) == (fork >= AcknowledgedInvite.maximumForks))
    }
  }
}
