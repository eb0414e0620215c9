import Gateway
import SIPStack
import Testing
import XMPPStack

private func at(_ milliseconds: UInt64) -> Instant { Instant(nanoseconds: 0) + .milliseconds(1_000_000 + milliseconds) }

@Suite("Limits of a user")
struct CallLimitsTests {
  private let alice: JID
  private let bob: JID

  init() throws {
    alice = try #require(JID("alice@example.org"))
    bob = try #require(JID("bob@example.org"))
  }

  @Test("calls at a time, of all devices together")
  func calls() throws {
    var limits = CallLimits(callsPerUser: 2, attemptsPerSecond: 1000)
    let phone = try #require(JID("alice@example.org/phone"))
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    #expect(limits.begin(phone, at: at(1)) == .admitted)
    #expect(limits.begin(alice, at: at(2)) == .tooManyCalls)
    #expect(limits.begin(bob, at: at(2)) == .admitted)
    limits.end(phone, at: at(3))
    #expect(limits.begin(alice, at: at(3)) == .admitted)
    #expect(limits.begin(alice, at: at(4)) == .tooManyCalls)
  }

  @Test("attempts of one second at once, then one after the other; those that are refused cost nothing")
  func attempts() {
    var limits = CallLimits(callsPerUser: 100, attemptsPerSecond: 5)
    for _ in 0..<5 { #expect(limits.begin(alice, at: at(0)) == .admitted) }
    for _ in 0..<100 { #expect(limits.begin(alice, at: at(0)) == .tooManyAttempts) }
    #expect(limits.begin(alice, at: at(199)) == .tooManyAttempts)
    #expect(limits.begin(alice, at: at(200)) == .admitted)
    #expect(limits.begin(alice, at: at(200)) == .tooManyAttempts)
    #expect(limits.begin(bob, at: at(200)) == .admitted)
    for _ in 0..<2 { #expect(limits.begin(alice, at: at(600)) == .admitted) }
    #expect(limits.begin(alice, at: at(600)) == .tooManyAttempts)
    for _ in 0..<5 { #expect(limits.begin(alice, at: at(9000)) == .admitted) }
    #expect(limits.begin(alice, at: at(9000)) == .tooManyAttempts)
  }

  @Test("an attempt that finds too many calls is one, too")
  func both() {
    var limits = CallLimits(callsPerUser: 1, attemptsPerSecond: 2)
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    #expect(limits.begin(alice, at: at(0)) == .tooManyCalls)
    #expect(limits.begin(alice, at: at(0)) == .tooManyAttempts)
  }

  @Test("one attempt a second")
  func one() {
    var limits = CallLimits(callsPerUser: 9, attemptsPerSecond: 1)
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    #expect(limits.begin(alice, at: at(999)) == .tooManyAttempts)
    #expect(limits.begin(alice, at: at(1000)) == .admitted)
  }

  @Test("ends of calls that never were, and a clock that stands still, do no harm")
  func strayEnds() {
    var limits = CallLimits(callsPerUser: 1, attemptsPerSecond: 5)
    limits.end(alice, at: at(0))
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    limits.end(alice, at: at(0))
    limits.end(alice, at: at(0))
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    #expect(limits.begin(alice, at: at(0)) == .tooManyCalls)
  }

  @Test("who has no call and a full bucket is forgotten")
  func forgotten() throws {
    var limits = CallLimits(callsPerUser: 10, attemptsPerSecond: 5)
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    limits.end(alice, at: at(500))
    #expect(limits.userCount == 0)
    #expect(limits.begin(bob, at: at(0)) == .admitted)
    for number in 0..<10_000 {
      let user = try #require(JID("user\(number)@example.org"))
      let now = at(UInt64(number))
      #expect(limits.begin(user, at: now) == .admitted)
      limits.end(user, at: now)
      #expect(limits.userCount <= 1000)
    }
    // Bob still talks.
    for _ in 0..<4 { #expect(limits.begin(bob, at: at(20_000)) == .admitted) }
    for _ in 0..<4 { limits.end(bob, at: at(20_000)) }
    limits.end(bob, at: at(30_000))
    #expect(limits.userCount < 1000)
  }

  @Test("memory is bounded; those who are known are not harmed by those for whom there is no room")
  func capacity() throws {
    var limits = CallLimits(callsPerUser: 10, attemptsPerSecond: 5, capacity: 100)
    #expect(limits.begin(alice, at: at(0)) == .admitted)
    for number in 0..<1000 {
      let user = try #require(JID("user\(number)@example.org"))
      #expect(limits.begin(user, at: at(0)) == (number < 99 ? .admitted : .tooManyAttempts))
      limits.end(user, at: at(0))
    }
    #expect(limits.userCount == 100)
    #expect(limits.begin(alice, at: at(1)) == .admitted)
    #expect(limits.begin(bob, at: at(1)) == .tooManyAttempts)
    #expect(limits.begin(bob, at: at(1000)) == .admitted)
    #expect(limits.userCount == 2)
  }
}

@Suite("Sources of SIP requests")
struct TrustedSourcesTests {
  @Test("the addresses of proxies, whatever their ports, and networks")
  func sources() throws {
    let network = try #require(IPNetwork("198.51.100.0/24"))
    var sources = TrustedSources(networks: [network])
    func has(_ text: String) throws -> Bool { sources.contains(try #require(IPAddress(text))) }
    let one = ProxyTarget(host: "SIP.example.net", port: 5060, transport: .udp)
    let two = ProxyTarget(host: "sip.example.net", port: 5080, transport: .tcp)
    let address = try #require(IPAddress("192.0.2.1"))
    let other = try #require(IPAddress("2001:db8::1"))
    #expect(try !has("192.0.2.1") && has("198.51.100.7") && has("::ffff:198.51.100.7"))
    sources.setAddresses([address, other], of: one)
    #expect(try has("192.0.2.1") && has("::ffff:192.0.2.1") && has("2001:db8::1") && !has("2001:db8::2"))
    #expect(try !has("192.0.2.2") && !has("::192.0.2.1"))
    // The same host has the same addresses, of which one has gone.
    sources.setAddresses([address], of: two)
    #expect(try has("192.0.2.1") && !has("2001:db8::1"))
    sources.setAddresses([other], of: ProxyTarget(host: "other.example.net", port: 5060, transport: .udp))
    #expect(try has("192.0.2.1") && has("2001:db8::1") && has("198.51.100.255"))
  }
}
