import Testing

@testable import SIPStack

@Suite struct TransactionLayerTests {
  @Test(
    "§17.1.1: a call that is answered; RFC 6026 §7.2: a repeated 2xx reaches the user until timer M, then as a stray")
  func answeredCall() {
    var probe = LayerProbe()
    #expect(probe.start("z9hG4bK1", at: at(0)) == ["send invite"])
    #expect(probe.advance(to: at(500)) == ["send invite"])
    #expect(probe.receive(response("z9hG4bK1", 180), at: at(600)) == ["response 180"])
    #expect(probe.receive(response("z9hG4bK1", 200), at: at(700)) == ["response 200"])
    #expect(probe.receive(response("z9hG4bK1", 200), at: at(1200)) == ["response 200"])
    #expect(probe.run() == ["32700: terminated"])
    #expect(probe.receive(response("z9hG4bK1", 200), at: at(32800)) == ["stray 200"])
    #expect(probe.layer.isEmpty)
  }

  @Test("§17.1.1.3: the ACK of a refusal is built from the INVITE, for each repetition")
  func refusedCall() {
    var probe = LayerProbe()
    _ = probe.start("z9hG4bK1", at: at(0))
    #expect(
      probe.receive(response("z9hG4bK1", 486), at: at(100)) == ["acknowledge 486 of invite", "response 486"])
    #expect(probe.receive(response("z9hG4bK1", 486), at: at(600)) == ["acknowledge 486 of invite"])
    #expect(probe.run() == ["32100: terminated"])
  }

  @Test("RFC 6026 §7.3: responses without a transaction are dropped, unless they are a 2xx to an INVITE")
  func strays() {
    var probe = LayerProbe()
    #expect(probe.receive(response("z9hG4bK9", 180), at: at(0)).isEmpty)
    #expect(probe.receive(response("z9hG4bK9", 486), at: at(0)).isEmpty)
    #expect(probe.receive(response("z9hG4bK9", 200, .other("X")), at: at(0)).isEmpty)
    #expect(probe.receive(response("z9hG4bK9", 200), at: at(0)) == ["stray 200"])
    _ = probe.start("z9hG4bK9", at: at(0))
    #expect(probe.receive(response("z9hG4bK9", 99), at: at(0)).isEmpty)
    #expect(probe.receive(response("z9hG4bK9", 700), at: at(0)).isEmpty)
    #expect(probe.receive(response("z9hG4bK9", -1), at: at(0)).isEmpty)
  }

  @Test("§9.1: CANCEL waits for the first provisional response, is a transaction of its own, and meets 487")
  func cancel() {
    var probe = LayerProbe()
    _ = probe.start("z9hG4bK1", at: at(0))
    #expect(probe.cancel("z9hG4bK1", at: at(10)).isEmpty)
    #expect(probe.receive(response("z9hG4bK1", 100), at: at(20)) == ["send CANCEL", "response 100"])
    #expect(probe.layer.count == 2)
    #expect(probe.advance(to: at(520)) == ["send CANCEL"])
    #expect(probe.receive(response("z9hG4bK1", 200, .cancel), at: at(600)) == ["response 200"])
    #expect(
      probe.receive(response("z9hG4bK1", 487), at: at(610)) == ["acknowledge 487 of invite", "response 487"])
    #expect(probe.run() == ["5600: terminated", "32610: terminated"])
    #expect(probe.layer.isEmpty)
  }

  @Test("§9.1: a 200 that crosses the CANCEL")
  func cancelCrossing() {
    var probe = LayerProbe()
    _ = probe.start("z9hG4bK1", at: at(0))
    _ = probe.receive(response("z9hG4bK1", 180), at: at(10))
    #expect(probe.cancel("z9hG4bK1", at: at(20)) == ["send CANCEL"])
    #expect(probe.receive(response("z9hG4bK1", 200), at: at(25)) == ["response 200"])
    #expect(probe.receive(response("z9hG4bK1", 481, .cancel), at: at(30)) == ["response 481"])
    #expect(probe.cancel("z9hG4bK1", at: at(40)).isEmpty)
  }

  @Test("§17.2.1: a call that we refuse: last response for a repeated INVITE, the ACK absorbed")
  func refusing() {
    var probe = LayerProbe()
    #expect(probe.receive(request("z9hG4bK1"), at: at(0)) == ["request invite z9hG4bK1"])
    #expect(probe.advance(to: at(200)) == ["generate 100"])
    #expect(probe.respond("z9hG4bK1", 100, at: at(200)) == ["send 100"])
    #expect(probe.receive(request("z9hG4bK1"), at: at(500)) == ["send 100"])
    #expect(probe.respond("z9hG4bK1", 486, at: at(600)) == ["send 486"])
    #expect(probe.receive(request("z9hG4bK1"), at: at(700)) == ["send 486"])
    #expect(probe.advance(to: at(1100)) == ["send 486"])
    #expect(probe.respond("z9hG4bK1", 200, at: at(1200)) == ["refused"])
    #expect(probe.receive(request("z9hG4bK1", .acknowledgement), at: at(1300)).isEmpty)
    #expect(probe.receive(request("z9hG4bK1", .acknowledgement), at: at(1400)).isEmpty)
    #expect(probe.run() == ["6300: terminated"])
    #expect(probe.respond("z9hG4bK1", 486, at: at(7000)) == ["refused"])
  }

  @Test("RFC 6026 §7.1: a call that we accept: repeated INVITEs absorbed, the user's repeated 2xx sent, ACKs passed")
  func accepting() {
    var probe = LayerProbe()
    _ = probe.receive(request("z9hG4bK1"), at: at(0))
    #expect(probe.respond("z9hG4bK1", 180, at: at(1)) == ["send 180"])
    #expect(probe.respond("z9hG4bK1", 200, at: at(100)) == ["send 200"])
    #expect(probe.receive(request("z9hG4bK1"), at: at(500)).isEmpty)
    #expect(probe.respond("z9hG4bK1", 200, at: at(600)) == ["send 200"])
    #expect(probe.receive(request("z9hG4bK1", .acknowledgement), at: at(700)) == ["acknowledgement"])
    #expect(probe.receive(request("z9hG4bK2", .acknowledgement), at: at(701)) == ["acknowledgement"], "own branch")
    #expect(probe.run() == ["32100: terminated"])
    #expect(probe.layer.isEmpty)
  }

  @Test("§9.2: a CANCEL finds its INVITE, has a transaction of its own, and its repetition is answered by the layer")
  func cancelReceived() {
    var probe = LayerProbe()
    _ = probe.receive(request("z9hG4bK1"), at: at(0))
    #expect(probe.receive(request("z9hG4bK1", .cancel), at: at(100)) == ["cancel of invite"])
    #expect(probe.respond("z9hG4bK1", 200, .cancel, at: at(101)) == ["send 200"])
    #expect(probe.respond("z9hG4bK1", 487, at: at(102)) == ["send 487"])
    #expect(probe.receive(request("z9hG4bK1", .cancel), at: at(110)) == ["send 200"])
    #expect(probe.receive(request("z9hG4bK2", .cancel), at: at(120)) == ["cancel of nothing"])
    #expect(probe.respond("z9hG4bK2", 481, .cancel, at: at(121)) == ["send 481"])
  }

  @Test("§17.2.2, RFC 4320 §4: another request")
  func otherRequest() {
    let method = RequestMethod.other("X")
    var probe = LayerProbe()
    #expect(probe.receive(request("z9hG4bK1", method), at: at(0)).count == 1)
    #expect(probe.receive(request("z9hG4bK1", method), at: at(500)).isEmpty)
    #expect(probe.respond("z9hG4bK1", 100, method, at: at(600)) == ["refused"])
    #expect(probe.advance(to: at(3500)) == ["generate 100"])
    #expect(probe.respond("z9hG4bK1", 100, method, at: at(3500)) == ["send 100"])
    #expect(probe.respond("z9hG4bK1", 408, method, at: at(4000)) == ["refused"])
    #expect(probe.receive(request("z9hG4bK1", method), at: at(4001)) == ["send 100"])
    #expect(probe.respond("z9hG4bK1", 200, method, at: at(5000)) == ["send 200"])
    #expect(probe.run() == ["37000: terminated"])
  }

  @Test("§18.2.2: over a reliable transport nothing is repeated and the way back is the connection")
  func reliable() {
    var probe = LayerProbe()
    let incoming = request("z9hG4bK1", .other("X"), from: reliablePeer)
    _ = probe.receive(incoming, at: at(0))
    var effects: [TransactionEffect<String>] = []
    probe.layer.respond(to: incoming.key, status: 200, bytes: [1], at: at(1), into: &effects)
    guard case .send(_, let destination, _)? = effects.first else {
      Issue.record("nothing was sent")
      return
    }
    #expect(destination.connection == 7)
    #expect(probe.layer.isEmpty)
    _ = probe.start("z9hG4bK2", to: reliablePeer, at: at(0))
    #expect(probe.run() == ["32000: timed out, terminated"])
  }

  @Test("§17.1.4, §17.2.4: a message that could not be sent")
  func transportFailure() {
    var probe = LayerProbe()
    _ = probe.start("z9hG4bK1", at: at(0))
    #expect(probe.transportFailed(clientKey("z9hG4bK1"), at: at(1)) == ["transport failed", "terminated"])
    #expect(probe.transportFailed(clientKey("z9hG4bK1"), at: at(2)).isEmpty)
    _ = probe.start("z9hG4bK3", .other("X"), at: at(0))
    #expect(probe.transportFailed(clientKey("z9hG4bK3", .other("X")), at: at(1)) == ["transport failed", "terminated"])
    _ = probe.receive(request("z9hG4bK2"), at: at(0))
    _ = probe.respond("z9hG4bK2", 486, at: at(1))
    #expect(probe.transportFailed(serverKey("z9hG4bK2"), at: at(2)) == ["transport failed", "terminated"])
    #expect(probe.layer.isEmpty)
  }

  @Test("a key is used once, and there is a bound")
  func bounds() {
    var probe = LayerProbe(capacity: 2)
    #expect(probe.start("z9hG4bK1", at: at(0)) == ["send invite"])
    #expect(probe.start("z9hG4bK1", at: at(0)).isEmpty)
    #expect(probe.receive(request("z9hG4bK2"), at: at(0)) == ["request invite z9hG4bK2"])
    #expect(probe.receive(request("z9hG4bK3"), at: at(0)) == ["refuse"])
    #expect(probe.start("z9hG4bK4", at: at(0)).isEmpty)
    #expect(probe.receive(request("z9hG4bK2"), at: at(1)).isEmpty, "a repetition needs no room")
    #expect(probe.layer.count == 2)
  }

  @Test("slots are used again")
  func slots() {
    var probe = LayerProbe()
    for number in 0..<100 {
      let now = at(UInt64(number))
      _ = probe.start("z9hG4bK\(number)", .other("X"), to: reliablePeer, at: now)
      _ = probe.receive(response("z9hG4bK\(number)", 200, .other("X")), at: now)
    }
    #expect(probe.layer.isEmpty)
    #expect(probe.layer.slotCount == 1)
  }

  @Test("an event loop that was held up fires each timer once, the last one first")
  func lateTimers() {
    var probe = LayerProbe()
    _ = probe.start("z9hG4bK1", at: at(0))
    #expect(probe.advance(to: at(9000)) == ["send invite"])
    #expect(probe.layer.nextDeadline == at(10000))
    #expect(probe.advance(to: at(40000)) == ["timed out", "terminated"])
  }

  @Test(
    "10,000 transactions of all kinds, with every possible end, leave nothing behind", arguments: [1, 2, 3] as [UInt64])
  func nothingLeaks(seed: UInt64) async {
    var generator = IdentifierGenerator(seed: seed)
    var layer = TransactionLayer<String>()
    var effects: [TransactionEffect<String>] = []
    var terminated = 0
    var started = 0
    func statuses() -> [Int] { [100, 180, 200, 302, 408, 486, 487, 503, 603] }
    for number in 0..<10_000 {
      // Tests with sockets wait for a turn.
      if number.isMultiple(of: 500) { await Task.yield() }
      let now = at(UInt64(number) * 3)
      let branch = generator.branch()
      let method: RequestMethod = [.invite, .other("X"), .cancel][Int.random(in: 0..<3, using: &generator)]
      let remote = Bool.random(using: &generator) ? peer : reliablePeer
      if Bool.random(using: &generator) {
        let key = clientKey(branch, method)
        layer.start(OutgoingRequest(key: key, bytes: [1], destination: remote), at: now, into: &effects)
        if method == .invite, Int.random(in: 0..<4, using: &generator) == 0 {
          layer.cancel(key, bytes: [2], at: now, into: &effects)
        }
        for _ in 0..<Int.random(in: 0..<3, using: &generator) {
          let status = statuses().randomElement(using: &generator) ?? 200
          layer.receive(response(branch, status, method), at: now, into: &effects)
        }
        // A ringing INVITE has no limit of its own: its user has one.
        if method == .invite { layer.receive(response(branch, 486), at: now, into: &effects) }
      } else {
        layer.receive(request(branch, method, from: remote), at: now, into: &effects)
        let key = serverKey(branch, method)
        for _ in 0..<Int.random(in: 0..<3, using: &generator) {
          let status = statuses().randomElement(using: &generator) ?? 200
          layer.respond(to: key, status: status, bytes: [3], at: now, into: &effects)
        }
        if method == .invite {
          layer.respond(to: key, status: 480, bytes: [3], at: now, into: &effects)
          if Bool.random(using: &generator) {
            layer.receive(request(branch, .acknowledgement, from: remote), at: now, into: &effects)
          }
        }
      }
      layer.advance(to: now, into: &effects)
    }
    while let deadline = layer.nextDeadline { layer.advance(to: deadline, into: &effects) }
    for effect in effects {
      switch effect {
      case .terminated: terminated += 1
      case .passRequest, .passCancel: started += 1
      default: break
      }
    }
    #expect(layer.isEmpty)
    #expect(layer.count == 0)
    #expect(terminated >= 10_000)
    #expect(started > 4_000)
  }
}

@Suite struct TimerHeapTests {
  @Test("moved and removed deadlines come out in order", arguments: [1, 2, 3, 4] as [UInt64])
  func order(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var heap = TimerHeap()
    var model: [Int: Instant] = [:]
    for _ in 0..<5000 {
      let slot = Int.random(in: 0..<200, using: &generator)
      let deadline =
        Int.random(in: 0..<3, using: &generator) == 0
        ? nil : Instant(nanoseconds: UInt64.random(in: 0..<1000, using: &generator))
      heap.set(slot, to: deadline)
      model[slot] = deadline
      if heap.count != model.count || heap.first?.deadline != model.values.min() {
        Issue.record("the heap is wrong")
        return
      }
    }
    var last = Instant(nanoseconds: 0)
    while let (slot, deadline) = heap.first {
      #expect(deadline >= last && model[slot] == deadline)
      last = deadline
      model[slot] = nil
      heap.set(slot, to: nil)
    }
    #expect(model.isEmpty && heap.isEmpty)
  }
}
