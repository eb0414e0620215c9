extension SignallingEmitter {
  /// The tables between the reasons of Jingle and the status codes of SIP.
  func reasonTable() -> String {
    var text = "/// Why a Jingle session ends (XEP-0166 §7.4).\n"
    text += "public enum JingleReason: String, CaseIterable, Hashable, Sendable {\n"
    for row in signalling.reasons.toSIP {
      guard let reason = row.reason else { continue }
      text += "  case \(Naming.escaped(row.caseName))\(reason == row.caseName ? "" : " = \"\(reason)\"")\n"
    }
    text += "}\n\n" + Self.types
    text += "/// Why a call ends, in the words of Jingle and in the codes of SIP.\npublic enum ReasonTable {\n"
    text += toSIP() + toJingle()
    if signalling.hasTable { text += ofEvents() + ofEffects() }
    return text + "}\n"
  }

  private static let types = """
    /// The value of a Reason header (RFC 3326 §2).
    public struct ReasonCause: Hashable, Sendable {
      /// `SIP` or `Q.850`.
      public let protocolName: String
      public let number: Int
      public let text: String

      /// As it stands in the header.
      public var headerValue: String { "\\(protocolName);cause=\\(number);text=\\"\\(text)\\"" }
    }

    /// What a Jingle reason is in SIP.
    public struct SIPEnding: Hashable, Sendable {
      /// Answers the INVITE where the callee gives the reason before the answer.
      public let status: Int
      /// One of several ringing devices that gives this reason ends the call for all.
      public let endsForAll: Bool
      /// For CANCEL and BYE.
      public let cause: ReasonCause
    }

    /// What the end of a call is in Jingle.
    public struct JingleEnding: Hashable, Sendable {
      public let reason: JingleReason
      /// The code for `<sip-error/>`.
      public let sipError: Int?
    }

    /// What an event that ends a call by itself is in both protocols, as far as they are told.
    public struct EventEnding: Hashable, Sendable {
      public let status: Int?
      public let jingle: JingleEnding?
      public let cause: ReasonCause?
    }


    """

  private func reason(_ name: String) -> String {
    "." + (signalling.reasons.toSIP.first { $0.reason == name }?.caseName ?? Naming.property(name))
  }

  private func cause(_ cause: CauseSyntax) -> String {
    "ReasonCause(protocolName: \"\(cause.protocolName)\", number: \(cause.number), text: \"\(Self.quoted(cause.text))\")"
  }

  /// What may stand between the quotes of a Swift string, and of a quoted string of SIP.
  private static func quoted(_ text: String) -> String { text.filter { $0 != "\\" && $0 != "\"" } }

  private func toSIP() -> String {
    var text = "  /// What a Jingle reason is in SIP; `nil` for none and for one that XEP-0166 does not know.\n"
    text += "  public static func ending(_ reason: JingleReason?) -> SIPEnding {\n    switch reason {\n"
    for row in signalling.reasons.toSIP {
      text += "    case \(row.reason == nil ? "nil" : "." + row.caseName):\n      SIPEnding(\n"
      text += "        status: \(row.byCallee), endsForAll: \(row.endsForAll),\n        cause: \(cause(row.cause)))\n"
    }
    return text + "    }\n  }\n"
  }

  private func toJingle() -> String {
    var text = ""
    for row in signalling.reasons.toJingle {
      guard let request = row.request else { continue }
      text += "\n  /// What \(request) is in Jingle.\n  public static let \(Naming.property(request)) = "
      text += "JingleEnding(reason: \(reason(row.reason)), sipError: nil)\n"
    }
    let rows = signalling.reasons.toJingle.filter { $0.codes != nil }.sorted {
      ($0.codes?.lowerBound ?? 0) < ($1.codes?.lowerBound ?? 0)
    }
    text += "\n  /// What a response that refuses the INVITE is in Jingle; `nil` for one that does not.\n"
    text += "  public static func ending(status: Int) -> JingleEnding? {\n    switch status {\n"
    for row in rows {
      guard let codes = row.codes else { continue }
      let pattern = codes.count == 1 ? "\(codes.lowerBound)" : "\(codes.lowerBound)...\(codes.upperBound)"
      text += "    case \(pattern): JingleEnding(reason: \(reason(row.reason)), "
      text += "sipError: \(row.hasSIPError ? "status" : "nil"))\n"
    }
    return text + "    default: nil\n    }\n  }\n"
  }

  private func ofEvents() -> String {
    var text = "\n  /// What an event that ends a call by itself is in both protocols.\n"
    text += "  public static func ending(of event: CallEvent) -> EventEnding? {\n    switch event {\n"
    for row in signalling.reasons.ofGateway {
      let status = row.status.map { "\($0)" } ?? "nil"
      let jingle = row.reason.map {
        "JingleEnding(reason: \(reason($0)), sipError: \(row.sipError.map { "\($0)" } ?? "nil"))"
      }
      text += "    case .\(signalling.events[row.event].caseName):\n      EventEnding(\n"
      text += "        status: \(status),\n        jingle: \(jingle ?? "nil"),\n"
      text += "        cause: \(row.cause.map(cause) ?? "nil"))\n"
    }
    return text + "    default: nil\n    }\n  }\n"
  }

  private func ofEffects() -> String {
    let effects = signalling.effects.filter { $0.reason != nil }
    if effects.isEmpty { return "" }
    var text = "\n  /// The reason that an effect always says.\n"
    text += "  public static func reason(of effect: CallEffect) -> JingleReason? {\n    switch effect {\n"
    for effect in effects {
      text += "    case .\(effect.caseName): \(reason(effect.reason?.text ?? ""))\n"
    }
    return text + "    default: nil\n    }\n  }\n"
  }
}
