/// Finds the holes of the signalling table: each cell, an event in a state in which it can come, has exactly one row.
struct SignallingCheck {
  private let signalling: SignallingModel
  private let model: Model
  private let diagnostics: Diagnostics

  init(_ signalling: SignallingModel, model: Model, diagnostics: Diagnostics) {
    self.signalling = signalling
    self.model = model
    self.diagnostics = diagnostics
  }

  func run() {
    guard signalling.hasTable else { return }
    checkEnds()
    // Without a beginning or an end, rows would be missing that nobody forgot.
    guard signalling.states.contains(where: \.begins), signalling.states.contains(where: \.ends) else { return }
    checkProtocolNames()
    checkResponses()
    checkCells()
    checkEffects()
    checkPaths()
  }

  // MARK: States

  private func checkEnds() {
    let first = signalling.states[0]
    let beginning = signalling.states.filter(\.begins)
    if beginning.isEmpty { diagnostics.report(first.position, "no state `begins`: where does a call start?") }
    for other in beginning.dropFirst() {
      diagnostics.report(
        other.position,
        "a call begins in one state; `\(beginning[0].name)` in line \(beginning[0].position.line) begins, too")
    }
    let ending = signalling.states.filter(\.ends)
    if ending.isEmpty { diagnostics.report(first.position, "no state `ends`: where is a call over?") }
    for event in signalling.events {
      if event.states.isEmpty {
        diagnostics.report(event.position, "`\(event.name)` can come in no state")
      }
      for state in event.states where signalling.states[state].ends {
        diagnostics.report(
          event.position, "`\(event.name)` can come in `\(signalling.states[state].name)`, where a call is over")
      }
    }
  }

  private func checkPaths() {
    var edges: [Int: Set<Int>] = [:]
    for block in signalling.blocks {
      for row in block.rows {
        guard let next = row.next else { continue }
        for state in row.states { edges[state, default: []].insert(next) }
      }
    }
    func closure(_ start: [Int], _ step: (Int) -> Set<Int>) -> Set<Int> {
      var seen = Set(start)
      var open = start
      while let state = open.popLast() {
        for next in step(state) where seen.insert(next).inserted { open.append(next) }
      }
      return seen
    }
    let indices = signalling.states.indices
    let reached = closure(indices.filter { signalling.states[$0].begins }) { edges[$0] ?? [] }
    let leaving = closure(indices.filter { signalling.states[$0].ends }) { end in
      Set(indices.filter { edges[$0]?.contains(end) == true })
    }
    for (index, state) in signalling.states.enumerated() {
      if !reached.contains(index) {
        diagnostics.report(state.position, "no row leads to the state `\(state.name)`")
      } else if !leaving.contains(index) {
        diagnostics.report(state.position, "a call in `\(state.name)` never ends: no way leads from there to the end")
      }
    }
  }

  // MARK: Protocols

  /// Actions and methods exist, and none is forgotten.
  private func checkProtocolNames() {
    check(.jingle, enumeration: "Action", "action", "Jingle")
    check(.sip, enumeration: "Method", "method", "SIP")
    // Where the grammars of the protocol are not compiled along, there is nothing to compare with.
    if model.orderedElements.isEmpty { return }
    for prefix in signalling.eventPrefixes {
      let roots = model.orderedElements.filter { $0.prefix == prefix.text && $0.isRoot }.map(\.name)
      if roots.isEmpty {
        diagnostics.report(
          prefix.position, "there is no `element \(prefix.text):… root` whose coming could be an event",
          note: "events are of `jingle`, `sip`, `responses to …`, the prefix of a namespace, or `gateway`")
      } else {
        check(.elements(prefix.text), among: roots, "element", prefix.text)
      }
    }
  }

  /// `nil` where the grammars of the protocol are not compiled along.
  private func enumeration(_ name: String) -> EnumType? {
    model.orderedEnums.first { $0.name.lowercased() == name.lowercased() }
  }

  private func check(_ source: EventDeclaration.Source, enumeration name: String, _ kind: String, _ language: String) {
    let events = signalling.events.filter { $0.source == source }
    guard !events.isEmpty, let type = enumeration(name) else { return }
    model.used.formUnion([type.name, type.name.lowercased()])
    check(source, among: type.cases.map(\.name), kind, language)
  }

  private func check(_ source: EventDeclaration.Source, among known: [String], _ kind: String, _ language: String) {
    let events = signalling.events.filter { $0.source == source }
    guard let last = events.last else { return }
    var seen: Set<String> = []
    for event in events {
      for phrase in event.protocolNames {
        // A request within a dialog is often called so: re-INVITE.
        let name = phrase.text.hasPrefix("re-") ? String(phrase.text.dropFirst(3)) : phrase.text
        seen.insert(name)
        if known.contains(name) { continue }
        let suggestion = Spelling.closest(to: name, among: known)
        diagnostics.report(
          phrase.position,
          "\(language) has no \(kind) `\(name)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
      }
    }
    let missing = known.filter { !seen.contains($0) }.map { "`\($0)`" }
    if !missing.isEmpty {
      diagnostics.report(
        last.position, "no event says what happens at the \(kind) \(missing.joined(separator: ", ")) of \(language)",
        note: "declare one, or add it to an event that stands for several: `name = \(kind), \(kind) in …`")
    }
  }

  /// The responses to a request are told apart by their codes, and each code is some event.
  private func checkResponses() {
    var requests: [String] = []
    for event in signalling.events {
      if case .responses(let request) = event.source, !requests.contains(request) { requests.append(request) }
    }
    for request in requests {
      let events = signalling.events.filter { $0.source == .responses(request) }
      guard let first = events.first else { continue }
      if let type = enumeration("Method") {
        let method = request.hasPrefix("re-") ? String(request.dropFirst(3)) : request
        if !type.cases.contains(where: { $0.name == method }) {
          diagnostics.report(first.position, "SIP has no method `\(method)` to which this could be a response")
        }
      }
      var seen: [(StatusRange, String)] = []
      for event in events {
        for range in event.ranges {
          if range.codes.lowerBound < 100 || range.codes.upperBound > 699 {
            diagnostics.report(range.position, "\(range.text) does not lie within 100 to 699, the status codes of SIP")
          }
          if let other = seen.first(where: { $0.0.codes.overlaps(range.codes) }) {
            diagnostics.report(
              range.position,
              "\(range.text) overlaps with \(other.0.text) of `\(other.1)` in line \(other.0.position.line)")
          }
          seen.append((range, event.name))
        }
      }
      let gaps = StatusRange.gaps(of: seen.map(\.0.codes), in: 100...699)
      if !gaps.isEmpty {
        diagnostics.report(
          first.position, "no event stands for the responses \(gaps.map(\.text).joined(separator: ", ")) to \(request)")
      }
    }
  }

  // MARK: Cells

  private func checkCells() {
    for (index, event) in signalling.events.enumerated() {
      guard let block = signalling.blocks.first(where: { $0.event == index }) else {
        diagnostics.report(
          event.position, "nothing says what the gateway does at `\(event.name)`",
          note: "write `on \(event.name)` and its rows")
        continue
      }
      var owners: [Int: SignallingModel.Row] = [:]
      for row in block.rows {
        for state in row.states {
          if let other = owners[state] {
            diagnostics.report(
              row.position,
              "`\(event.name)` in `\(signalling.states[state].name)` has two rows; the other one stands in line \(other.position.line)"
            )
          } else {
            owners[state] = row
          }
        }
        checkNeeds(of: row, event: index)
      }
      let missing = event.states.filter { owners[$0] == nil && !signalling.states[$0].ends }
        .map { "`\(signalling.states[$0].name)`" }
      if !missing.isEmpty {
        let position = block.rows.first?.position ?? event.position
        diagnostics.report(
          position, "`\(event.name)` has no row for \(missing.joined(separator: ", ")), where it can come too",
          note: block.rows.isEmpty ? nil : "line \(event.position.line) says where it can come")
      }
    }
  }

  /// An effect with a status, reason or cause finds one in the tables of reasons.
  private func checkNeeds(of row: SignallingModel.Row, event index: Int) {
    guard !signalling.reasons.isEmpty else { return }
    let event = signalling.events[index]
    for effect in row.effects.map({ signalling.effects[$0] }) {
      guard let need = effect.need else { continue }
      let ofGateway = signalling.reasons.ofGateway(index)
      let isThere: Bool
      switch (event.source, need) {
      case (_, .status) where ofGateway?.status != nil, (_, .reason) where ofGateway?.reason != nil,
        (_, .cause) where ofGateway?.cause != nil:
        isThere = true
      case (.jingle, .status), (.jingle, .cause):
        isThere = event.protocolNames.contains { $0.text == "session-terminate" }
      case (.elements(let prefix), .status), (.elements(let prefix), .cause):
        // Where the element can hold a reason, the table has one for each.
        isThere = event.protocolNames.allSatisfy { name in
          let element = model.elements["\(prefix):\(name.text)"]
          return element?.children.contains { $0.element.qualifiedName == "jingle:reason" } ?? true
        }
      case (.sip, .reason):
        isThere = event.protocolNames.allSatisfy { signalling.reasons.hasReason(ofRequest: $0.text) }
      case (.responses, .reason):
        isThere = event.ranges.allSatisfy { $0.codes.lowerBound >= 300 }
      default:
        isThere = false
      }
      if !isThere {
        diagnostics.report(
          row.position,
          "`\(effect.name)` needs a \(need.rawValue), and the tables of reasons have none for `\(event.name)`",
          note: "add it below `reasons of gateway`: `\(event.name) \(need.rawValue) …`")
      }
    }
  }

  private func checkEffects() {
    var used: Set<Int> = []
    for block in signalling.blocks { for row in block.rows { used.formUnion(row.effects) } }
    for (index, effect) in signalling.effects.enumerated() where !used.contains(index) {
      diagnostics.report(effect.position, "no row uses the effect `\(effect.name)`")
    }
  }
}
