import SIPStack
import Testing

@Suite struct IPNetworkTests {
  private func contains(_ network: String, _ address: String) throws -> Bool {
    try #require(IPNetwork(network)).contains(try #require(IPAddress(address)))
  }

  @Test(arguments: [
    ("192.0.2.0/24", "192.0.2.0/24"), ("192.0.2.1", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("2001:DB8::/32", "2001:db8::/32"), ("[2001:db8::1]", "2001:db8::1"), ("::/0", "::/0"), ("::1/128", "::1"),
    ("2001:db8:0:1:8000::/65", "2001:db8:0:1:8000::/65"), ("128.0.0.0/1", "128.0.0.0/1"),
    // RFC 4291 §2.5.5.2
    ("::ffff:192.0.2.0/120", "192.0.2.0/24"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::ffff:0:0/96", "0.0.0.0/0"),
  ])
  func texts(_ text: String, _ written: String) throws {
    let network = try #require(IPNetwork(text))
    #expect(network.description == written)
    #expect(IPNetwork(written) == network)
  }

  @Test(arguments: [
    "", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/08", "192.0.2.0/8x",
    "192.0.2.0/24/24", "192.0.2/24", "192.0.2.1/24", "2001:db8::1/64", "::/129", "::/1280", "::ffff:192.0.2.0/24",
    "example.org",
    "192.0.2.0 /24", "192.0.2.0/٢٤", "192.0.2.1\u{0}x", "192.0.2.0/255.255.255.0",
  ])
  func refused(_ text: String) { #expect(IPNetwork(text) == nil) }

  @Test func around() throws {
    #expect(IPNetwork(around: "192.0.2.77/24")?.description == "192.0.2.0/24")
    #expect(IPNetwork(around: "2001:db8:ffff::1/33")?.description == "2001:db8:8000::/33")
    #expect(IPNetwork(around: "example.org") == nil)
    let address = try #require(IPAddress("192.0.2.1"))
    #expect(IPNetwork(around: address, prefixLength: 33) == nil && IPNetwork(around: address, prefixLength: -1) == nil)
    #expect(IPNetwork(address).description == "192.0.2.1")
  }

  @Test func membership() throws {
    #expect(try contains("192.0.2.0/24", "192.0.2.255") && !contains("192.0.2.0/24", "192.0.3.0"))
    #expect(try contains("192.0.2.128/25", "192.0.2.128") && !contains("192.0.2.128/25", "192.0.2.127"))
    #expect(try contains("0.0.0.0/0", "255.255.255.255") && !contains("0.0.0.0/0", "::1"))
    #expect(try contains("::/0", "ffff::1") && !contains("::/0", "192.0.2.1") && !contains("::/0", "::ffff:192.0.2.1"))
    #expect(try contains("2001:db8::/32", "2001:db8:ffff::1") && !contains("2001:db8::/32", "2001:db9::"))
    #expect(try contains("2001:db8::/64", "2001:db8::ffff:1") && !contains("2001:db8::/64", "2001:db8:0:1::"))
    #expect(try contains("2001:db8::8000/113", "2001:db8::ffff") && !contains("2001:db8::8000/113", "2001:db8::7fff"))
    // An IPv4 address is not the IPv6 address of the same number.
    #expect(try !contains("192.0.2.0/24", "::192.0.2.1") && contains("192.0.2.0/24", "::ffff:192.0.2.1"))
  }

  @Test func sets() throws {
    let set = SourceSet(
      addresses: try ["192.0.2.1", "2001:db8::1"].map { try #require(IPAddress($0)) },
      networks: try ["198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48"].map { try #require(IPNetwork($0)) })
    for text in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "198.51.100.9", "203.0.113.0", "2001:db8:1::9"] {
      #expect(set.contains(try #require(IPAddress(text))), "\(text)")
    }
    for text in ["192.0.2.2", "2001:db8::2", "198.51.101.0", "2001:db8:2::", "::1"] {
      #expect(!set.contains(try #require(IPAddress(text))), "\(text)")
    }
    #expect(!SourceSet(addresses: [], networks: []).contains(try #require(IPAddress("127.0.0.1"))))
  }
}
