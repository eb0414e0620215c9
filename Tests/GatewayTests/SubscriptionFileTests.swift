import Foundation
import Testing
import XMPPStack

@testable import Gateway

@Suite("Who has which contact, kept in a file")
struct SubscriptionFileTests {
  private let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("subscriptions-\(UUID().uuidString)").path

  private func entry(_ contact: String, _ user: String) throws -> ContactSubscription {
    ContactSubscription(contact: try #require(JID(contact)), user: try #require(JID(user)))
  }

  @Test("what is written is read; the file is replaced as a whole")
  func roundTrip() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = SubscriptionFile(path: path, domain: "sip.example.org")
    #expect(try file.read().isEmpty, "there is none yet")
    let first = try entry("+49123@sip.example.org", "alice@example.org")
    let second = try entry(#"bob\40example.com@sip.example.org"#, "carol@example.org")
    try file.write([second, first])
    #expect(Set(try file.read()) == [first, second])
    try file.write([first])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "+49123@sip.example.org alice@example.org\n")
    #expect(!FileManager.default.fileExists(atPath: path + ".new"))
    try file.write([])
    #expect(try file.read().isEmpty)
  }

  @Test("another file is not taken for one, nor overwritten")
  func otherFile() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try "+49123@sip.example.org alice@example.org\n# mine\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: FileError(reason: "line 2 is not a contact of sip.example.org and a user")) {
      try SubscriptionFile(path: path, domain: "sip.example.org").read()
    }
  }

  @Test("what cannot be written is told")
  func unwritable() throws {
    #expect(throws: FileError.self) {
      try SubscriptionFile(path: "/nowhere/at/all", domain: "sip.example.org").write([])
    }
  }
}
