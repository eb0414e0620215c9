import SIPStack
import Testing

/// RFC 3261 §17.1.1 and figure 5, as RFC 6026 §7.2 mends it.
@Suite struct InviteClientTransactionTests {
  func make(reliable: Bool = false) -> InviteClientTransaction {
    InviteClientTransaction(isReliable: reliable, timers: .standard, at: at(0))
  }

  func make(after status: Int) -> InviteClientTransaction {
    var machine = make()
    _ = machine.handle(.response(status), at: at(0))
    return machine
  }

  @Test("§17.1.1.2: timer A doubles without a cap, timer B ends it after 64 T1")
  func retransmissionSchedule() {
    var machine = make()
    #expect(
      machine.run() == [
        Firing(500, .sendRequest), Firing(1500, .sendRequest), Firing(3500, .sendRequest), Firing(7500, .sendRequest),
        Firing(15500, .sendRequest), Firing(31500, .sendRequest), Firing(32000, [.informTimeout, .terminated]),
      ])
    #expect(machine.state == .terminated)
  }

  @Test("§17.1.1.2: over a reliable transport there is only timer B")
  func reliable() {
    var machine = make(reliable: true)
    #expect(machine.run() == [Firing(32000, [.informTimeout, .terminated])])
  }

  @Test("§17.1.4: a transport error in Calling")
  func transportErrorCalling() {
    var machine = make()
    #expect(machine.handle(.transportError, at: at(1)) == [.informTransportError, .terminated])
  }

  @Test("§17.1.1.2: 1xx stops the retransmissions and leads to Proceeding, which waits without limit")
  func provisional() {
    var machine = make()
    #expect(machine.handle(.response(100), at: at(10)) == .passResponse)
    #expect(machine.state == .proceeding)
    #expect(machine.nextDeadline == nil)
    #expect(machine.handle(.response(180), at: at(20)) == .passResponse)
    #expect(machine.handle(.transportError, at: at(21)) == [])
    #expect(machine.state == .proceeding)
  }

  @Test("RFC 6026 §7.2: 2xx leads to Accepted, from Calling and from Proceeding", arguments: [false, true])
  func success(ringing: Bool) {
    var machine = ringing ? make(after: 180) : make()
    #expect(machine.handle(.response(200), at: at(100)) == .passResponse)
    #expect(machine.state == .accepted)
    #expect(machine.nextDeadline == at(32100))
  }

  @Test("RFC 6026 §7.2: Accepted passes each 2xx, nothing else, and timer M ends it, over any transport")
  func accepted() {
    for reliable in [false, true] {
      var machine = make(reliable: reliable)
      _ = machine.handle(.response(200), at: at(0))
      #expect(machine.handle(.response(200), at: at(500)) == .passResponse)
      #expect(machine.handle(.response(180), at: at(501)) == [])
      #expect(machine.handle(.response(486), at: at(502)) == [])
      #expect(machine.handle(.transportError, at: at(503)) == [])
      #expect(machine.run() == [Firing(32000, .terminated)])
      #expect(machine.handle(.response(200), at: at(32001)) == [])
    }
  }

  @Test(
    "§17.1.1.2: 300–699 is acknowledged and passed, from Calling and from Proceeding", arguments: [302, 404, 503, 603])
  func failure(status: Int) {
    for var machine in [make(), make(after: 180)] {
      #expect(machine.handle(.response(status), at: at(100)) == [.acknowledge, .passResponse])
      #expect(machine.state == .completed)
      #expect(machine.nextDeadline == at(32100))
    }
  }

  @Test("§17.1.1.2: Completed acknowledges repetitions without passing them; timer D ends it")
  func completed() {
    var machine = make(after: 486)
    #expect(machine.handle(.response(486), at: at(500)) == .acknowledge)
    #expect(machine.handle(.response(180), at: at(501)) == [])
    #expect(machine.handle(.response(200), at: at(502)) == [])
    #expect(machine.run() == [Firing(32000, .terminated)])
  }

  @Test("§17.1.1.2: the ACK cannot be sent")
  func completedTransportError() {
    var machine = make(after: 486)
    #expect(machine.handle(.transportError, at: at(1)) == [.informTransportError, .terminated])
  }

  @Test("§17.1.1.2: timer D is zero over a reliable transport, and fires behind the response")
  func completedReliable() {
    var machine = make(reliable: true)
    #expect(machine.handle(.response(486), at: at(5)) == [.acknowledge, .passResponse])
    #expect(machine.nextDeadline == at(5))
    #expect(machine.advance(to: at(5)) == .terminated)
    #expect(machine.nextDeadline == nil)
  }

  @Test("a re-INVITE waits for its final response as long as timer C, renewed by each provisional one (§16.6)")
  func patience() {
    var machine = InviteClientTransaction(
      isReliable: false, timers: .standard, patience: .seconds(180), at: at(0))
    #expect(machine.handle(.response(100), at: at(10)) == .passResponse)
    #expect(machine.nextDeadline == at(180_010))
    #expect(machine.handle(.response(180), at: at(1_000)) == .passResponse)
    #expect(machine.advance(to: at(181_000)) == [.informTimeout, .terminated])
  }

  @Test("§9.1: CANCEL waits for a provisional response")
  func cancelBeforeProvisional() {
    var machine = make()
    #expect(machine.handle(.cancel, at: at(10)) == [])
    #expect(machine.handle(.response(100), at: at(20)) == [.passResponse, .sendCancel])
    #expect(machine.handle(.cancel, at: at(30)) == [], "once")
  }

  @Test("§9.1: after a provisional response it goes out at once, and 64 T1 later the INVITE is given up")
  func cancelAfterProvisional() {
    var machine = make(after: 180)
    #expect(machine.handle(.cancel, at: at(1000)) == .sendCancel)
    #expect(machine.run() == [Firing(33000, [.informTimeout, .terminated])])
  }

  @Test("§9.1: a 487 ends what was cancelled")
  func cancelAnswered() {
    var machine = make(after: 180)
    _ = machine.handle(.cancel, at: at(1000))
    #expect(machine.handle(.response(487), at: at(1100)) == [.acknowledge, .passResponse])
    #expect(machine.run() == [Firing(33100, .terminated)])
  }

  @Test("§9.1: a 200 that crosses the CANCEL is passed; a final response that comes first makes CANCEL moot")
  func cancelCrossing() {
    var crossed = make(after: 180)
    _ = crossed.handle(.cancel, at: at(1000))
    #expect(crossed.handle(.response(200), at: at(1001)) == .passResponse)
    #expect(crossed.state == .accepted)
    var wanted = make()
    _ = wanted.handle(.cancel, at: at(10))
    #expect(wanted.handle(.response(200), at: at(20)) == .passResponse)
    #expect(wanted.handle(.cancel, at: at(30)) == [])
    var refused = make(after: 486)
    #expect(refused.handle(.cancel, at: at(30)) == [])
  }
}

/// RFC 3261 §17.1.2 and figure 6.
@Suite struct NonInviteClientTransactionTests {
  func make(reliable: Bool = false) -> NonInviteClientTransaction {
    NonInviteClientTransaction(isReliable: reliable, timers: .standard, at: at(0))
  }

  @Test("§17.1.2.2: timer E doubles up to T2, timer F ends it after 64 T1")
  func retransmissionSchedule() {
    var machine = make()
    let resent: [UInt64] = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    #expect(
      machine.run() == resent.map { Firing($0, .sendRequest) } + [Firing(32000, [.informTimeout, .terminated])])
  }

  @Test("§17.1.2.2: over a reliable transport there is only timer F")
  func reliable() {
    var machine = make(reliable: true)
    #expect(machine.run() == [Firing(32000, [.informTimeout, .terminated])])
  }

  @Test("§17.1.2.2: Proceeding repeats every T2, timer F still runs")
  func proceeding() {
    var machine = make()
    #expect(machine.handle(.response(100), at: at(600 - 200)) == .passResponse)
    #expect(machine.state == .proceeding)
    #expect(machine.handle(.response(183), at: at(450)) == .passResponse)
    let resent: [UInt64] = [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]
    #expect(
      machine.run() == resent.map { Firing($0, .sendRequest) } + [Firing(32000, [.informTimeout, .terminated])])
  }

  @Test(
    "§17.1.2.2: a final response is passed once, timer K absorbs its repetitions", arguments: [200, 302, 481, 503, 603])
  func final(status: Int) {
    for provisional in [false, true] {
      var machine = make()
      if provisional { _ = machine.handle(.response(100), at: at(50)) }
      #expect(machine.handle(.response(status), at: at(100)) == .passResponse)
      #expect(machine.state == .completed)
      #expect(machine.handle(.response(status), at: at(200)) == [])
      #expect(machine.handle(.transportError, at: at(200)) == [])
      #expect(machine.run() == [Firing(5100, .terminated)])
    }
  }

  @Test("§17.1.2.2: timer K is zero over a reliable transport")
  func finalReliable() {
    var machine = make(reliable: true)
    #expect(machine.handle(.response(200), at: at(100)) == [.passResponse, .terminated])
  }

  @Test("§17.1.4: a transport error in Trying and in Proceeding")
  func transportError() {
    for provisional in [false, true] {
      var machine = make()
      if provisional { _ = machine.handle(.response(100), at: at(50)) }
      #expect(machine.handle(.transportError, at: at(100)) == [.informTransportError, .terminated])
      #expect(machine.nextDeadline == nil)
    }
  }
}
