/// Prints the signalling table and the tables of reasons.
struct SignallingEmitter {
  let signalling: SignallingModel
  let model: Model

  /// Name and text of each part made; the parts may stand in one file, so each but the first begins with an empty line.
  func emit() -> [(name: String, text: String)] {
    var parts: [(name: String, text: String)] = []
    if signalling.hasTable {
      parts.append(("SignallingNames.swift", names()))
      parts.append(("SignallingTable.swift", "\n" + table()))
    }
    if !signalling.reasons.isEmpty {
      parts.append(("ReasonTable.swift", (parts.isEmpty ? "" : "\n") + reasonTable()))
    }
    return parts
  }

  // MARK: Names

  private func names() -> String {
    var text = "/// What a call is about, for both directions of calling.\n"
    text += "public enum CallState: String, CaseIterable, Hashable, Sendable {\n"
    for state in signalling.states {
      text +=
        "  /// \(Self.sentence(state.words))\n  case \(Naming.escaped(state.caseName))\(raw(state.name, state.caseName))\n"
    }
    if let first = signalling.states.first(where: \.begins), let last = signalling.states.first(where: \.ends) {
      text += "\n  /// In which a call begins.\n  public static let beginning = CallState.\(first.caseName)\n"
      text += "  /// In which a call is over.\n  public static let end = CallState.\(last.caseName)\n"
    }
    text += "}\n\n/// What can happen to a call.\n"
    text += "public enum CallEvent: String, CaseIterable, Hashable, Sendable {\n"
    for event in signalling.events {
      text += "  /// \(Self.origin(event)): \(event.words).\n"
      text += "  case \(Naming.escaped(event.caseName))\(raw(event.name, event.caseName))\n"
    }
    text += wireNames() + "}\n\n/// What the gateway does at an event.\n"
    text += "public enum CallEffect: String, CaseIterable, Hashable, Sendable {\n"
    for effect in signalling.effects {
      text += "  /// \(Self.sentence(effect.words))\n"
      text += "  case \(Naming.escaped(effect.caseName))\(raw(effect.name, effect.caseName))\n"
    }
    return text + "}\n"
  }

  /// The name of the grammar as raw value, where it is not that of the case.
  private func raw(_ name: String, _ caseName: String) -> String { name == caseName ? "" : " = \"\(name)\"" }

  static func sentence(_ words: String) -> String {
    words.prefix(1).uppercased() + words.dropFirst() + (words.hasSuffix(".") ? "" : ".")
  }

  static func origin(_ event: SignallingModel.Event) -> String {
    switch event.source {
    case .jingle: "Jingle \(event.wire)"
    case .sip: "SIP \(event.wire)"
    case .elements(let prefix): "\(prefix) \(event.wire)"
    case .gateway: "The gateway"
    case .responses(let request): "SIP \(event.wire) to \(request)"
    }
  }

  /// Functions that find the event of a name or status code on the wire.
  private func wireNames() -> String {
    var text = ""
    text += finder(
      .jingle, "action", "The event of a Jingle action, where it does not depend on more than that.")
    text += finder(.sip, "method", "The event of a SIP request, where it does not depend on more than its method.")
    for prefix in signalling.eventPrefixes.map(\.text) {
      let label = Naming.property(prefix)
      text += finder(
        .elements(prefix), label,
        "The event of an element of \(prefix), where it does not depend on more than its name.")
    }
    var requests: [String] = []
    for event in signalling.events {
      if case .responses(let request) = event.source, !requests.contains(request) { requests.append(request) }
    }
    for request in requests {
      text += "\n  /// The event of a response to \(request); `nil` for what is no status code.\n"
      text +=
        "  public static func response(to\(Naming.type(request)) status: Int) -> CallEvent? {\n    switch status {\n"
      for event in signalling.events where event.source == .responses(request) {
        let codes = event.ranges.map { range in
          range.codes.count == 1 ? "\(range.codes.lowerBound)" : "\(range.codes.lowerBound)...\(range.codes.upperBound)"
        }
        text += "    case \(codes.joined(separator: ", ")): .\(event.caseName)\n"
      }
      text += "    default: nil\n    }\n  }\n"
    }
    return text
  }

  private func finder(_ source: EventDeclaration.Source, _ label: String, _ comment: String) -> String {
    var lines = ""
    for event in signalling.events where event.source == source {
      // `re-INVITE` stands in no message.
      let isPlain =
        event.protocolNames.count > 1
        || event.protocolNames.contains { $0.text == event.name && !$0.text.hasPrefix("re-") }
      guard isPlain else { continue }
      let names = event.protocolNames.map { "\"\($0.text)\"" }
      lines += Self.caseLine(names, indentation: "    ") + "\n      .\(event.caseName)\n"
    }
    if lines.isEmpty { return "" }
    return "\n  /// \(comment)\n  public static func event(\(label) name: String) -> CallEvent? {\n    switch name {\n"
      + lines + "    default:\n      nil\n    }\n  }\n"
  }

  // MARK: Table

  private func table() -> String {
    var text = """
      /// What an event does to a call.
      public struct CallTransition: Hashable, Sendable {
        /// What the gateway does, in this order.
        public let effects: [CallEffect]
        /// The state of the call afterwards.
        public let next: CallState
        /// Whether the event can come in the state at all; if not, nothing is to be done.
        public let isPossible: Bool

        init(_ effects: [CallEffect], then next: CallState) {
          self.effects = effects
          self.next = next
          isPossible = true
        }

        private init(impossibleIn state: CallState) {
          effects = []
          next = state
          isPossible = false
        }

        static func impossible(in state: CallState) -> CallTransition { CallTransition(impossibleIn: state) }
      }

      /// The signalling between Jingle and SIP: each event in each state in which it can come.
      public enum SignallingTable {
        /// What `event` does to a call in `state`.
        public static func transition(_ state: CallState, _ event: CallEvent) -> CallTransition {
          switch event {

      """
    for event in signalling.events {
      text += "    case .\(event.caseName): \(Naming.escaped(event.caseName))(state)\n"
    }
    text += "    }\n  }\n"
    for block in signalling.blocks { text += function(block) }
    return text + "}\n"
  }

  private func function(_ block: SignallingModel.Block) -> String {
    let event = signalling.events[block.event]
    var text = "\n  /// \(Self.origin(event)): \(event.words).\n"
    let comment = block.comment.split(separator: "\n").map { "  /// \($0)\n" }.joined()
    if !comment.isEmpty { text += "  ///\n" + comment }
    text += "  private static func \(Naming.escaped(event.caseName))(_ state: CallState) -> CallTransition {\n"
    text += "    switch state {\n"
    for row in block.rows {
      text += Self.caseLine(row.states.map { "." + signalling.states[$0].caseName }, indentation: "    ") + "\n"
      let effects = row.effects.map { "." + signalling.effects[$0].caseName }.joined(separator: ", ")
      let next = row.next.map { "." + signalling.states[$0].caseName } ?? "state"
      let line = "      CallTransition([\(effects)], then: \(next))"
      text += line.count <= 120 ? line + "\n" : "      CallTransition(\n        [\(effects)],\n        then: \(next))\n"
    }
    return text + "    default:\n      .impossible(in: state)\n    }\n  }\n"
  }

  /// `case a, b:`, broken where it is too long.
  static func caseLine(_ patterns: [String], indentation: String) -> String {
    var text = indentation + "case "
    var column = text.count
    for (index, pattern) in patterns.enumerated() {
      let piece = pattern + (index == patterns.count - 1 ? ":" : ",")
      if index > 0 {
        if column + 1 + piece.count > 120 {
          text += "\n\(indentation)  "
          column = indentation.count + 2
        } else {
          text += " "
          column += 1
        }
      }
      text += piece
      column += piece.count
    }
    return text
  }
}
