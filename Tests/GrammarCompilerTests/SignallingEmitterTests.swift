import Testing

@testable import GrammarCompiler

@Suite("What the signalling table becomes")
struct SignallingEmitterTests {
  private func emitter() throws -> SignallingEmitter {
    let compilation = Compilation(
      files: [SourceFile(path: "call.grammar", area: "mapping", text: sampleTable + sampleReasons)],
      generating: ["mapping"])
    return SignallingEmitter(signalling: try #require(compilation.signalling), model: compilation.model)
  }

  @Test("a switch that reads like the table")
  func function() throws {
    let text = try emitter().emit().map(\.text).joined()
    #expect(
      text.contains(
        """
          /// Jingle session-terminate: the client hangs up.
          private static func sessionTerminate(_ state: CallState) -> CallTransition {
            switch state {
            case .talking:
              CallTransition([.acknowledge, .sendBye], then: .ended)
            case .calling:
              CallTransition([.acknowledge], then: state)
            default:
              .impossible(in: state)
            }
          }

        """))
  }

  @Test("status codes become events, and reasons")
  func codes() throws {
    let text = try emitter().emit().map(\.text).joined()
    #expect(
      text.contains(
        """
          public static func response(toInvite status: Int) -> CallEvent? {
            switch status {
            case 100...199: .trying
            case 200...299: .answer
            case 300...699: .refusal
            default: nil
            }
          }

        """))
    #expect(text.contains("    case 300...699: JingleEnding(reason: .decline, sipError: status)\n"))
  }

  @Test("the same grammar is the same code, without an empty line too many")
  func deterministic() throws {
    let texts = try (0..<3).map { _ in try emitter().emit().map(\.text).joined() }
    #expect(Set(texts).count == 1)
    #expect(!texts[0].contains("\n\n\n"))
    #expect(texts[0].hasSuffix("}\n"))
    #expect(texts[0].split(separator: "\n").allSatisfy { $0.count <= 120 })
  }

  @Test("each row stands in the documentation")
  func document() throws {
    let text = try emitter().document()
    #expect(text.contains("| `session-terminate` | talking | acknowledge, send BYE | ended |\n"))
    #expect(text.contains("| `session-terminate` | calling | acknowledge | – |\n"))
    #expect(text.contains("| `trying` | calling | does nothing | – |\n"))
    #expect(text.contains("| `decline` | CANCEL | 486 | BYE | for all | Q.850 21, Call rejected |\n"))
  }
}
