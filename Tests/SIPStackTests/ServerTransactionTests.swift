import SIPStack
import Testing

/// RFC 3261 §17.2.1 and figure 7, as RFC 6026 §7.1 mends it.
@Suite struct InviteServerTransactionTests {
  func make(reliable: Bool = false, answered status: Int? = nil) -> InviteServerTransaction {
    var machine = InviteServerTransaction(isReliable: reliable, timers: .standard, at: at(0))
    if let status { _ = machine.handle(.respond(status), at: at(0)) }
    return machine
  }

  @Test("§17.2.1: a 100 is due after 200 ms of silence, once")
  func trying() {
    var machine = make()
    #expect(machine.run() == [Firing(200, .generateTrying)])
    #expect(machine.state == .proceeding)
  }

  @Test("§17.2.1: no 100 after a 180")
  func notTrying() {
    var machine = make(answered: 180)
    #expect(machine.run().isEmpty)
  }

  @Test("§17.2.1: Proceeding repeats the last provisional response for a repeated INVITE")
  func proceeding() {
    var machine = make()
    #expect(machine.handle(.request, at: at(1)) == [])
    #expect(machine.handle(.respond(180), at: at(2)) == .sendResponse)
    #expect(machine.handle(.request, at: at(500)) == .sendResponse)
    #expect(machine.handle(.acknowledgement, at: at(501)) == [])
    #expect(machine.state == .proceeding)
  }

  @Test("§17.2.1: timer G doubles up to T2, timer H ends it without an ACK")
  func completedSchedule() {
    var machine = make()
    #expect(machine.handle(.respond(486), at: at(0)) == .sendResponse)
    #expect(machine.state == .completed)
    let resent: [UInt64] = [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    #expect(
      machine.run() == resent.map { Firing($0, .sendResponse) } + [Firing(32000, [.informTimeout, .terminated])])
  }

  @Test("§17.2.1: over a reliable transport timer H runs, timer G does not")
  func completedReliable() {
    var machine = make(reliable: true, answered: 486)
    #expect(machine.run() == [Firing(32000, [.informTimeout, .terminated])])
  }

  @Test("§17.2.1: Completed answers a repeated INVITE, takes no further response")
  func completed() {
    var machine = make(answered: 486)
    #expect(machine.handle(.request, at: at(100)) == .sendResponse)
    #expect(machine.handle(.respond(200), at: at(101)) == [])
    #expect(machine.handle(.respond(603), at: at(102)) == [])
    #expect(machine.state == .completed)
  }

  @Test("§17.2.1: the ACK leads to Confirmed, which absorbs all until timer I")
  func confirmed() {
    var machine = make(answered: 486)
    #expect(machine.handle(.acknowledgement, at: at(100)) == [])
    #expect(machine.state == .confirmed)
    #expect(machine.handle(.acknowledgement, at: at(200)) == [])
    #expect(machine.handle(.request, at: at(201)) == [])
    #expect(machine.handle(.respond(200), at: at(202)) == [])
    #expect(machine.run() == [Firing(5100, .terminated)])
  }

  @Test("§17.2.1: timer I is zero over a reliable transport")
  func confirmedReliable() {
    var machine = make(reliable: true, answered: 486)
    #expect(machine.handle(.acknowledgement, at: at(100)) == .terminated)
    #expect(machine.nextDeadline == nil)
  }

  @Test("RFC 6026 §7.1: 2xx leads to Accepted, which absorbs INVITEs, passes ACKs, and timer L ends it")
  func accepted() {
    for reliable in [false, true] {
      var machine = make(reliable: reliable)
      #expect(machine.handle(.respond(200), at: at(0)) == .sendResponse)
      #expect(machine.state == .accepted)
      #expect(machine.handle(.request, at: at(500)) == [])
      #expect(machine.handle(.respond(200), at: at(501)) == .sendResponse)
      #expect(machine.handle(.respond(486), at: at(502)) == [])
      #expect(machine.handle(.acknowledgement, at: at(503)) == .passAcknowledgement)
      #expect(machine.run() == [Firing(32000, .terminated)])
      #expect(machine.state == .terminated)
    }
  }

  @Test("RFC 6026 §7.1: a transport error is reported and survived in Proceeding and Accepted, not in Completed")
  func transportError() {
    var proceeding = make(answered: 180)
    #expect(proceeding.handle(.transportError, at: at(1)) == .informTransportError)
    #expect(proceeding.state == .proceeding)
    var accepted = make(answered: 200)
    #expect(accepted.handle(.transportError, at: at(1)) == .informTransportError)
    #expect(accepted.state == .accepted)
    var completed = make(answered: 486)
    #expect(completed.handle(.transportError, at: at(1)) == [.informTransportError, .terminated])
  }
}

/// RFC 3261 §17.2.2 and figure 8, as RFC 4320 §4 mends it.
@Suite struct NonInviteServerTransactionTests {
  func make(reliable: Bool = false) -> NonInviteServerTransaction {
    NonInviteServerTransaction(isReliable: reliable, timers: .standard, at: at(0))
  }

  @Test("§17.2.2: Trying absorbs repeated requests; RFC 4320 §4.1: 100 is due at 3.5 s; timer F of the client ends it")
  func trying() {
    var machine = make()
    #expect(machine.handle(.request, at: at(500)) == [])
    #expect(machine.run() == [Firing(3500, .generateTrying), Firing(32000, [.informTimeout, .terminated])])
  }

  @Test("RFC 4320 §4.1: no early 100 over UDP, any time over TCP, no other 1xx ever")
  func provisional() {
    var machine = make()
    #expect(machine.handle(.respond(100), at: at(3499)) == [])
    #expect(machine.handle(.respond(183), at: at(3600)) == [])
    #expect(machine.state == .trying)
    #expect(machine.handle(.respond(100), at: at(3500)) == .sendResponse)
    #expect(machine.state == .proceeding)
    #expect(machine.handle(.respond(183), at: at(3600)) == [])
    #expect(machine.handle(.respond(100), at: at(3600)) == .sendResponse)
    #expect(machine.handle(.request, at: at(3700)) == .sendResponse)
    #expect(machine.run() == [Firing(32000, [.informTimeout, .terminated])])
    var reliable = make(reliable: true)
    #expect(reliable.handle(.respond(100), at: at(1)) == .sendResponse)
  }

  @Test("RFC 4320 §4.2: 408 is never sent")
  func requestTimeout() {
    var machine = make()
    #expect(machine.handle(.respond(408), at: at(31000)) == [])
    _ = machine.handle(.respond(100), at: at(31000))
    #expect(machine.handle(.respond(408), at: at(31001)) == [])
    #expect(machine.state == .proceeding)
  }

  @Test("§17.2.2: a final response, from Trying and Proceeding; Completed repeats it until timer J")
  func completed() {
    for late in [false, true] {
      var machine = make()
      if late { _ = machine.handle(.respond(100), at: at(4000)) }
      #expect(machine.handle(.respond(200), at: at(5000)) == .sendResponse)
      #expect(machine.state == .completed)
      #expect(machine.handle(.request, at: at(5500)) == .sendResponse)
      #expect(machine.handle(.respond(500), at: at(5501)) == [])
      #expect(machine.run() == [Firing(37000, .terminated)])
    }
  }

  @Test("§17.2.2: timer J is zero over a reliable transport")
  func completedReliable() {
    var machine = make(reliable: true)
    #expect(machine.handle(.respond(200), at: at(10)) == [.sendResponse, .terminated])
  }

  @Test("§17.2.4: a transport error in Proceeding and Completed")
  func transportError() {
    var proceeding = make()
    _ = proceeding.handle(.respond(100), at: at(4000))
    #expect(proceeding.handle(.transportError, at: at(4001)) == [.informTransportError, .terminated])
    var completed = make()
    _ = completed.handle(.respond(200), at: at(10))
    #expect(completed.handle(.transportError, at: at(11)) == [.informTransportError, .terminated])
  }
}
