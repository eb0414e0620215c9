extension SignallingEmitter {
  /// Markdown tables of all signalling rows.
  func document() -> String {
    var text = ""
    if signalling.hasTable {
      text +=
        "## Signalling\n\n"
        + section("States of a call", ["state", "means"], signalling.states.map { ["`\($0.name)`", $0.words] })
      text += section(
        "Events", ["event", "is", "means"],
        signalling.events.map { ["`\($0.name)`", Self.origin($0), $0.words] })
      text += section(
        "Effects", ["effect", "means", "takes"],
        signalling.effects.map { effect in
          [
            "`\(effect.name)`", effect.words,
            effect.need?.rawValue ?? effect.reason.map { "always `\($0.text)`" } ?? "",
          ]
        })
      text += section("Rows", ["event", "in", "the gateway", "then"], signalling.blocks.flatMap(rows))
    }
    if !signalling.reasons.isEmpty { text += "## Reasons\n\n" + reasonsDocument() }
    return text
  }

  private func rows(_ block: SignallingModel.Block) -> [[String]] {
    block.rows.map { row in
      let effects = row.effects.map { signalling.effects[$0].name }
      return [
        "`\(signalling.events[block.event].name)`",
        row.states.map { signalling.states[$0].name }.joined(separator: ", "),
        effects.isEmpty ? "does nothing" : effects.joined(separator: ", "),
        row.next.map { signalling.states[$0].name } ?? "–",
      ]
    }
  }

  private func reasonsDocument() -> String {
    let tables = signalling.reasons
    let toSIP = tables.toSIP.map { row in
      [
        row.reason.map { "`\($0)`" } ?? "any other, none", row.byCaller, "\(row.byCallee)", row.answered,
        row.endsForAll ? "for all" : "for itself", shown(row.cause),
      ]
    }
    let toJingle = tables.toJingle.map { row in
      [
        row.request ?? row.codes.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" } ?? "",
        "`\(row.reason)`", row.hasSIPError ? "`sip-error`" : "",
      ]
    }
    let ofGateway = tables.ofGateway.map { row in
      [
        "`\(signalling.events[row.event].name)`", row.status.map(String.init) ?? "–",
        row.reason.map { "`\($0)`" + (row.sipError.map { " with `sip-error` \($0)" } ?? "") } ?? "–",
        row.cause.map(shown) ?? "–",
      ]
    }
    return section(
      "Jingle to SIP",
      ["reason", "by the caller", "by the callee", "after the answer", "one of several devices", "Reason header"],
      toSIP) + section("SIP to Jingle", ["SIP", "reason", "with"], toJingle)
      + section("Of the gateway's own", ["event", "status", "reason", "Reason header"], ofGateway)
  }

  private func shown(_ cause: CauseSyntax) -> String { "\(cause.protocolName) \(cause.number), \(cause.text)" }

  private func section(_ title: String, _ heads: [String], _ rows: [[String]]) -> String {
    if rows.isEmpty { return "" }
    var text = "### \(title)\n\n| \(heads.joined(separator: " | ")) |\n|\(heads.map { _ in "---|" }.joined())\n"
    for row in rows {
      // A bar within a cell would end it.
      let cells = row.map { cell in cell.map { $0 == "|" ? "\\|" : String($0) }.joined() }
      text += "| \(cells.joined(separator: " | ")) |\n"
    }
    return text + "\n"
  }
}
