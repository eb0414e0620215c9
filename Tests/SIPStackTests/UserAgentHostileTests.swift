import Foundation
import SIPCodec
import SIPStack
import Testing

/// Bytes from a network that means no good, and the memory that it takes.
@Suite struct UserAgentHostileTests {
  @Test func tortureMessages() throws {
    let folder = URL(fileURLWithPath: "/work/shared/corpus/rfc4475")
    guard let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) else {
      return
    }
    var statuses: [String: [Int]] = [:]
    for file in files where file.pathExtension == "dat" {
      var probe = UserAgentProbe()
      let bytes = Array(try Data(contentsOf: file))
      for _ in 0..<2 {
        probe.act { $0.receive(datagram: bytes, from: address(port: 5002), at: $1, into: &$2) }
      }
      for leg in probe.legs {
        try probe.act { try $0.respond(to: leg, status: 200, body: offer, at: $1, into: &$2) }
        try probe.act { try $0.request(.bye, in: leg, at: $1, into: &$2) }
      }
      for (message, _) in probe.sent { #expect(message.issues.isEmpty || message.statusCode == 400) }
      statuses[file.deletingPathExtension().lastPathComponent] =
        probe.sent.compactMap(\.message.statusCode)
      probe.advance(to: 200_000)
      #expect(probe.agent.isEmpty, "\(file.lastPathComponent)")
    }
    // RFC 4475, each answered twice but where it is no request.
    for (name, status) in [
      ("badvers", 505), ("unkscm", 416), ("novelsc", 416), ("bext01", 420), ("invut", 415), ("ncl", 400),
      ("clerr", 400), ("scalar02", 400), ("quotbal", 400), ("mismatch01", 400), ("insuf", 400), ("multi01", 400),
      ("escruri", 400), ("lwsstart", 400), ("ltgtruri", 400), ("regbadct", 405), ("cparam01", 405),
    ] {
      #expect(statuses[name]?.first == status, "\(name): \(statuses[name] ?? [])")
    }
    for name in ["bigcode", "scalarlg", "bcast", "noreason", "unreason"] {
      #expect(statuses[name] == [], "\(name)")
    }
  }

  @Test func noise() {
    var generator = SeededGenerator(seed: 7)
    var probe = UserAgentProbe()
    let seeds = [
      requestText("INVITE", body: "v=0\n"), requestText("BYE", tag: "x"), requestText("ACK", tag: "x"),
      requestText("CANCEL"), requestText("OPTIONS"),
      "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1:5001;branch=z9hG4bKx\nCSeq: 1 INVITE\n\n",
    ].map(wire)
    for round in 0..<4000 {
      var bytes = seeds[round % seeds.count]
      for _ in 0..<Int.random(in: 0...6, using: &generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
        }
        if bytes.isEmpty { bytes = [0] }
      }
      if round % 10 == 0 { bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator))) }
      probe.act { $0.receive(datagram: bytes, from: address(port: 5002), at: $1, into: &$2) }
      probe.sent = []
      probe.reports = []
    }
    for leg in probe.legs { probe.act { $0.abandon(leg, at: $1, into: &$2) } }
    probe.advance(to: 200_000)
    #expect(probe.agent.isEmpty)
  }

  @Test func keepAlivesAreSilent() {
    var probe = UserAgentProbe()
    for bytes: [UInt8] in [[], [0], [0x0D, 0x0A], [0x0D, 0x0A, 0x0D, 0x0A], [0, 0, 0, 0]] {
      probe.act { $0.receive(datagram: bytes, from: address(port: 5002), at: $1, into: &$2) }
    }
    #expect(probe.reports.isEmpty && probe.sent.isEmpty)
  }

  @Test func tooLong() {
    var probe = UserAgentProbe()
    let bytes = [UInt8](repeating: 0x41, count: SIPMessage.maximumSize + 1)
    probe.act { $0.receive(datagram: bytes, from: address(port: 5002), at: $1, into: &$2) }
    #expect(probe.reports == ["malformed message"])
  }

  @Test func routesWithoutEnd() {
    var probe = UserAgentProbe()
    let routes = String(repeating: "Record-Route: <sip:p@192.0.2.70;lr>\n", count: 71)
    probe.receive(requestText("INVITE", extra: routes, body: "v=0\n"))
    #expect(probe.takeSent() == ["400 INVITE"])
    #expect(probe.agent.legCount == 0)
  }

  @Test func nothingIsLeftOfManyCalls() throws {
    var wire = UserAgentWire()
    for number in 0..<10_000 {
      try wire.call(invite(callIdentifier: "call\(number)"))
      try wire.respond(180)
      switch number % 4 {
      case 0:
        try wire.respond(486)
      case 1:
        wire.run(10)
        wire.cancel()
      default:
        try wire.respond(200, body: offer)
        wire.run(25)
        try wire.request(.bye, from: number % 2)
      }
      wire.reports = [[], []]
      wire.messages = []
      wire.sent = []
    }
    wire.run(100_000)
    #expect(wire.isEmpty)
    #expect(wire.agents[0].nextDeadline == nil)
  }

  /// Losses and doubles: whatever happens, both sides come to an end and forget it.
  @Test(arguments: 0..<40) func badNetwork(_ seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    var wire = UserAgentWire()
    wire.copies = { _, _ in [0, 0, 0, 1, 1, 1, 1, 1, 2][Int.random(in: 0..<9, using: &generator)] }
    var chance = SeededGenerator(seed: UInt64(seed) &+ 1000)
    try wire.call()
    wire.run(UInt64.random(in: 0...3000, using: &chance))
    for _ in 0..<6 {
      switch Int.random(in: 0..<7, using: &chance) {
      case 0: try? wire.respond(180)
      case 1: try? wire.respond(200, body: offer)
      case 2: wire.cancel()
      case 3: try? wire.request(.info, from: 0)
      case 4: try? wire.request(.invite, from: 1, body: offer)
      case 5: try? wire.request(.bye, from: 0)
      default: try? wire.request(.bye, from: 1)
      }
      wire.run(UInt64.random(in: 0...3000, using: &chance))
    }
    wire.run(100_000)
    for index in 0..<2 {
      guard let leg = wire.legs[index] else { continue }
      try? wire.request(.bye, from: index)
      wire.run(40_000)
      wire.act(index) { $0.abandon(leg, at: $1, into: &$2) }
    }
    wire.run(100_000)
    #expect(wire.isEmpty)
    #expect(wire.reports[0].filter { $0 == "ended" }.count == 1)
    #expect(wire.reports[1].filter { $0 == "ended" }.count == wire.reports[1].filter { $0 == "incoming" }.count)
  }
}
