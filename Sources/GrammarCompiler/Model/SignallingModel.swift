/// The signalling table and the tables of reasons, with names resolved.
final class SignallingModel {
  struct State {
    var name: String
    /// As a case of the generated enum.
    var caseName: String
    var begins: Bool
    var ends: Bool
    var words: String
    var position: Position
  }

  struct Event {
    var name: String
    var caseName: String
    var source: EventDeclaration.Source
    /// What a message bears on the wire: names of actions or methods, or status codes.
    var wire: String
    var protocolNames: [Phrase]
    var ranges: [StatusRange]
    /// Indices of the states in which it can come, ascending.
    var states: [Int]
    var words: String
    var position: Position
  }

  struct Effect {
    var name: String
    var caseName: String
    var need: EffectDeclaration.Need?
    var reason: Phrase?
    var words: String
    var position: Position
  }

  struct Row {
    /// Indices of the states.
    var states: [Int]
    var effects: [Int]
    /// `nil`: the state stays.
    var next: Int?
    var position: Position
  }

  /// The rows of one event, in the order of the grammar.
  struct Block {
    var event: Int
    var rows: [Row]
    var comment: String
  }

  var states: [State] = []
  var events: [Event] = []
  /// Prefixes of namespaces whose elements are events.
  var eventPrefixes: [Phrase] = []
  var effects: [Effect] = []
  /// In the order of the events.
  var blocks: [Block] = []
  var reasons = ReasonTables()

  /// Whether there is a table of states; a compilation may have reasons only.
  var hasTable: Bool { !states.isEmpty }

  /// Resolves and checks what the trees say of the signalling; `nil` where they say nothing.
  static func build(_ trees: [SyntaxTree], model: Model, diagnostics: Diagnostics) -> SignallingModel? {
    let syntax = trees.map(\.signalling).filter { !$0.isEmpty }
    if syntax.isEmpty { return nil }
    let builder = SignallingBuilder(syntax, model: model, diagnostics: diagnostics)
    builder.build()
    guard builder.isResolved else { return builder.signalling }
    SignallingCheck(builder.signalling, model: model, diagnostics: diagnostics).run()
    return builder.signalling
  }
}

/// Turns names into indices, and blocks of several events into rows of each.
final class SignallingBuilder {
  let signalling = SignallingModel()
  private let syntax: [SignallingSyntax]
  let model: Model
  let diagnostics: Diagnostics
  private var stateIndices: [String: Int] = [:]
  private var groups: [String: (declaration: StateGroupDeclaration, states: [Int])] = [:]
  private var usedGroups: Set<String> = []
  private var eventIndices: [String: Int] = [:]
  private var effectIndices: [String: Int] = [:]
  /// Events of which not all states are known, because of a mistake.
  private var eventsWithoutStates: Set<Int> = []
  /// All names were found, so that what is missing is missing in the grammar itself.
  private(set) var isResolved = true

  init(_ syntax: [SignallingSyntax], model: Model, diagnostics: Diagnostics) {
    self.syntax = syntax
    self.model = model
    self.diagnostics = diagnostics
  }

  func build() {
    addStates()
    addGroups()
    // What is missing in a state or group would only be missed again in each row.
    guard isResolved else { return }
    addEvents()
    addEffects()
    addBlocks()
    signalling.reasons = ReasonBuilder(syntax, owner: self).build()
    for group in syntax.flatMap(\.groups) where isResolved && !usedGroups.contains(group.name.text.lowercased()) {
      report(group.name.position, "nothing uses the group `\(group.name.text)`")
    }
  }

  func report(_ position: Position, _ message: String, note: String? = nil) {
    isResolved = false
    diagnostics.report(position, message, note: note)
  }

  private func undefined(_ phrase: Phrase, _ kind: String, among names: [String]) {
    let suggestion = Spelling.closest(to: phrase.text, among: names)
    isResolved = false
    diagnostics.reportMissing(
      phrase.position,
      "there is no \(kind) `\(phrase.text)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
  }

  /// Enters a name; `false` where there is one already.
  private func enter(
    _ phrase: Phrase, _ kind: String, index: Int, into indices: inout [String: Int], caseNames: inout [String: Phrase]
  ) -> Bool {
    let caseName = Naming.property(phrase.text)
    if let existing = caseNames[caseName] {
      report(
        phrase.position,
        existing.text == phrase.text
          ? "the \(kind) `\(phrase.text)` is declared twice; the first time in line \(existing.position.line)"
          : "the \(kind) `\(phrase.text)` and `\(existing.text)` in line \(existing.position.line) differ by their writing only"
      )
      return false
    }
    caseNames[caseName] = phrase
    indices[phrase.text.lowercased()] = index
    return true
  }

  // MARK: States

  private func addStates() {
    var caseNames: [String: Phrase] = [:]
    for state in syntax.flatMap(\.states) {
      let isNew = enter(
        state.name, "state", index: signalling.states.count, into: &stateIndices, caseNames: &caseNames)
      guard isNew else { continue }
      signalling.states.append(
        .init(
          name: state.name.text, caseName: Naming.property(state.name.text), begins: state.begins, ends: state.ends,
          words: state.words, position: state.name.position))
    }
  }

  private func addGroups() {
    for group in syntax.flatMap(\.groups) {
      let key = group.name.text.lowercased()
      if stateIndices[key] != nil || groups[key] != nil {
        report(group.name.position, "`\(group.name.text)` is the name of a state or group already")
        continue
      }
      groups[key] = (group, resolve(group.members).map(\.state).sorted())
    }
  }

  /// A state, and whether a row names it by itself and not by a group.
  private struct Named {
    var state: Int
    var phrase: Phrase?
  }

  private func resolve(_ phrases: [Phrase]) -> [Named] {
    var result: [Named] = []
    for phrase in phrases {
      let key = phrase.text.lowercased()
      if key == "all" {
        result += resolve(.all(excluding: [], phrase.position))
      } else if let state = stateIndices[key] {
        result.append(Named(state: state, phrase: phrase))
      } else if let group = groups[key] {
        usedGroups.insert(key)
        result += group.states.map { Named(state: $0, phrase: nil) }
      } else {
        undefined(
          phrase, "state", among: signalling.states.map(\.name) + groups.values.map(\.declaration.name.text).sorted())
      }
    }
    return result
  }

  /// `all` means each state but the first and the last of a call.
  private func resolve(_ set: StateSetSyntax) -> [Named] {
    switch set {
    case .list(let phrases): return resolve(phrases)
    case .all(let excluded, _):
      let excluded = Set(resolve(excluded).map(\.state))
      return signalling.states.indices
        .filter { !signalling.states[$0].begins && !signalling.states[$0].ends && !excluded.contains($0) }
        .map { Named(state: $0, phrase: nil) }
    }
  }

  // MARK: Events and effects

  private func addEvents() {
    var caseNames: [String: Phrase] = [:]
    for prefix in syntax.flatMap(\.eventPrefixes)
    where !signalling.eventPrefixes.contains(where: { $0.text == prefix.text }) {
      signalling.eventPrefixes.append(prefix)
    }
    for event in syntax.flatMap(\.events) {
      let isNew = enter(
        event.name, "event", index: signalling.events.count, into: &eventIndices, caseNames: &caseNames)
      guard isNew else { continue }
      var wire = event.ranges.map(\.text).joined(separator: ", ")
      var names = event.protocolNames
      if names.isEmpty, event.source.hasProtocolNames {
        names = [Phrase(text: event.name.firstWord, position: event.name.position)]
      }
      if wire.isEmpty { wire = names.map(\.text).joined(separator: ", ") }
      let mistakes = diagnostics.mistakes
      let states = Set(resolve(event.states).map(\.state)).sorted()
      if diagnostics.mistakes > mistakes { eventsWithoutStates.insert(signalling.events.count) }
      signalling.events.append(
        .init(
          name: event.name.text, caseName: Naming.property(event.name.text), source: event.source, wire: wire,
          protocolNames: names, ranges: event.ranges, states: states,
          words: event.words, position: event.name.position))
    }
  }

  private func addEffects() {
    var caseNames: [String: Phrase] = [:]
    for effect in syntax.flatMap(\.effects) {
      let isNew = enter(
        effect.name, "effect", index: signalling.effects.count, into: &effectIndices, caseNames: &caseNames)
      guard isNew else { continue }
      signalling.effects.append(
        .init(
          name: effect.name.text, caseName: Naming.property(effect.name.text), need: effect.need, reason: effect.reason,
          words: effect.words, position: effect.name.position))
    }
  }

  func event(_ phrase: Phrase) -> Int? {
    if let index = eventIndices[phrase.text.lowercased()] { return index }
    undefined(phrase, "event", among: signalling.events.map(\.name))
    return nil
  }

  // MARK: Rows

  private func addBlocks() {
    var rows: [Int: SignallingModel.Block] = [:]
    for block in syntax.flatMap(\.blocks) {
      let events = block.events.compactMap(event)
      guard events.count == block.events.count else { continue }
      for (index, event) in events.enumerated() {
        var added = self.rows(of: block, for: event, isFirst: index == 0)
        added.insert(contentsOf: rows[event]?.rows ?? [], at: 0)
        let comment = rows[event].map { $0.comment + "\n" + block.comment } ?? block.comment
        rows[event] = .init(event: event, rows: added, comment: comment)
      }
    }
    signalling.blocks = rows.values.sorted { $0.event < $1.event }
  }

  private func rows(
    of block: SignallingBlock, for event: Int, isFirst: Bool
  ) -> [SignallingModel.Row] {
    let declaration = signalling.events[event]
    let possible = Set(declaration.states)
    var rows: [SignallingModel.Row] = []
    for row in block.rows {
      let effects = row.effects.compactMap { phrase -> Int? in
        if let index = effectIndices[phrase.text.lowercased()] { return index }
        if isFirst { undefined(phrase, "effect", among: signalling.effects.map(\.name)) }
        return nil
      }
      var next: Int?
      if let phrase = row.next {
        next = stateIndices[phrase.text.lowercased()]
        if next == nil, isFirst { undefined(phrase, "state", among: signalling.states.map(\.name)) }
      }
      var states: [Int] = []
      for named in resolve(row.states) {
        if possible.contains(named.state) || eventsWithoutStates.contains(event) {
          if !states.contains(named.state) { states.append(named.state) }
        } else if let phrase = named.phrase {
          report(
            phrase.position,
            "`\(declaration.name)` cannot come in `\(phrase.text)`; line \(declaration.position.line) says where it can"
          )
        }
      }
      if states.isEmpty, isResolved {
        report(row.position, "`\(declaration.name)` can come in none of these states")
      }
      rows.append(.init(states: states.sorted(), effects: effects, next: next, position: row.position))
    }
    return rows.filter { !$0.states.isEmpty }
  }
}
