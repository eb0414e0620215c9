/// A name of one or more words (`last device gone`), as written.
struct Phrase: Hashable {
  var text: String
  var position: Position

  var firstWord: String { text.split(separator: " ").first.map(String.init) ?? text }
}

/// Status codes from the first to the last one, both included.
struct StatusRange: Hashable {
  var codes: ClosedRange<Int>
  var position: Position

  var text: String {
    codes.count == 1 ? "\(codes.lowerBound)" : "\(codes.lowerBound)-\(codes.upperBound)"
  }
}

/// States as a row names them.
enum StateSetSyntax {
  /// `all`, `all but a, b`
  case all(excluding: [Phrase], Position)
  case list([Phrase])
}

/// What stands behind `cause`: protocol, number and text of a Reason header (RFC 3326).
struct CauseSyntax {
  var protocolName: String
  var number: Int
  var text: String
  var position: Position
}

struct StateDeclaration {
  var name: Phrase
  var begins: Bool
  var ends: Bool
  var words: String
}

struct StateGroupDeclaration {
  var name: Phrase
  var members: [Phrase]
  var comment: String
}

struct EventDeclaration {
  enum Source: Hashable {
    case jingle, sip, gateway
    /// The root elements of this namespace prefix.
    case elements(String)
    /// Responses to requests of this name.
    case responses(String)

    /// Whether an event is named by the protocol, if nothing else does it.
    var hasProtocolNames: Bool {
      switch self {
      case .jingle, .sip, .elements: true
      case .gateway, .responses: false
      }
    }
  }
  var source: Source
  var name: Phrase
  /// Behind `=`: names of the protocol.
  var protocolNames: [Phrase]
  /// Behind `=`: status codes.
  var ranges: [StatusRange]
  var states: StateSetSyntax
  var words: String
}

struct EffectDeclaration {
  enum Need: String { case status, reason, cause }
  var name: Phrase
  var need: Need?
  /// Behind `says`: the Jingle reason.
  var reason: Phrase?
  var words: String
}

struct SignallingRowSyntax {
  var states: StateSetSyntax
  /// Empty in `-> nothing`.
  var effects: [Phrase]
  var next: Phrase?
  var position: Position
}

/// `on event, event` and its rows.
struct SignallingBlock {
  var events: [Phrase]
  var rows: [SignallingRowSyntax]
  var comment: String
}

/// A row of `reasons to sip`.
struct ReasonToSIPSyntax {
  var reason: Phrase
  var byCaller: Phrase
  var byCallee: StatusRange
  var answered: Phrase
  /// `all` or `one`.
  var devices: Phrase
  var cause: CauseSyntax
}

/// A row of `reasons to jingle`.
struct ReasonToJingleSyntax {
  enum Key {
    case request(Phrase)
    case statuses(StatusRange)
  }
  var key: Key
  var reason: Phrase
  var hasSIPError: Bool
}

/// A row of `reasons of gateway`.
struct ReasonOfGatewaySyntax {
  var event: Phrase
  var status: StatusRange?
  var reason: Phrase?
  var sipError: StatusRange?
  var cause: CauseSyntax?
}

/// The declarations of the signalling grammars, as written.
struct SignallingSyntax {
  var states: [StateDeclaration] = []
  var groups: [StateGroupDeclaration] = []
  var events: [EventDeclaration] = []
  /// Prefixes of namespaces whose elements are events.
  var eventPrefixes: [Phrase] = []
  var effects: [EffectDeclaration] = []
  var blocks: [SignallingBlock] = []
  var toSIP: [ReasonToSIPSyntax] = []
  var toJingle: [ReasonToJingleSyntax] = []
  var ofGateway: [ReasonOfGatewaySyntax] = []
  /// Where the tables of reasons begin, for what they lack.
  var reasonPositions: [String: Position] = [:]

  var isEmpty: Bool { states.isEmpty && events.isEmpty && effects.isEmpty && blocks.isEmpty && reasonPositions.isEmpty }
}

extension Parser {
  /// Reads a declaration of the signalling notation; `false` where `word` begins none.
  mutating func parseSignallingDeclaration(_ word: String) throws -> Bool {
    switch word {
    case "states": try parseStates()
    case "group": try parseGroup()
    case "events": try parseEvents()
    case "effects": try parseEffects()
    case "on": try parseBlock()
    case "reasons": try parseReasons()
    default: return false
    }
    return true
  }

  // MARK: Words

  /// These end a name, so no name contains them.
  private static let separators: Set<String> = [
    "in", "then", "otherwise", "begins", "ends", "needs", "says", "but", "status", "reason", "cause", "with",
  ]

  /// A word of a name; a name may hold numbers behind its first word (`answer 180`).
  private var wordHere: String? {
    switch current.kind {
    case _ where isAtEnd: nil
    case .identifier(let name): Self.separators.contains(name) ? nil : name
    case .number(let value): "\(value)"
    default: nil
    }
  }

  /// A name of one or more words, all on one line.
  private mutating func parsePhrase(_ what: String) throws -> Phrase {
    guard case .identifier = current.kind, let first = wordHere else { throw expected(what) }
    var phrase = Phrase(text: first, position: take().position)
    while !current.isFirstOnLine, let word = wordHere {
      phrase.text += " " + word
      take()
    }
    return phrase
  }

  private mutating func parsePhrases(_ what: String) throws -> [Phrase] {
    var phrases: [Phrase] = []
    repeat { phrases.append(try parsePhrase(what)) } while skip(symbol: ",")
    return phrases
  }

  private mutating func parseStatusRange() throws -> StatusRange {
    let position = current.position
    let first = try parseNumber("a status code")
    guard skip(symbol: "-") else { return StatusRange(codes: first...first, position: position) }
    let last = try parseNumber("the last status code of the range")
    guard first <= last else {
      diagnostics.report(position, "the range \(first)-\(last) ends before it begins")
      throw Failure()
    }
    return StatusRange(codes: first...last, position: position)
  }

  private mutating func parseNumber(_ what: String) throws -> Int {
    guard !isAtEnd, case .number(let value) = current.kind else { throw expected(what) }
    take()
    return value
  }

  private mutating func parseWords(_ what: String = "what it means, as a string") throws -> String {
    if isAtRowEnd { throw expectedInRow(what) }
    return String(decoding: try expectString(what).bytes, as: UTF8.self)
  }

  private mutating func parseStateSet() throws -> StateSetSyntax {
    let position = current.position
    guard skip(word: "all") else { return .list(try parsePhrases("a state")) }
    return .all(excluding: skip(word: "but") ? try parsePhrases("a state") : [], position)
  }

  /// `Q.850 16 "Normal call clearing"`.
  private mutating func parseCause() throws -> CauseSyntax {
    let position = current.position
    var name = try expectName("the protocol of a cause, `SIP` or `Q.850`").name
    if skip(symbol: ".") { name += ".\(try parseNumber("the number of the protocol"))" }
    guard name == "SIP" || name == "Q.850" else {
      diagnostics.report(position, "a cause is one of `SIP` or `Q.850` (RFC 3326 §2), not `\(name)`")
      throw Failure()
    }
    let number = try parseNumber("the number of the cause")
    let text = try parseWords("the text of the cause, as a string")
    return CauseSyntax(protocolName: name, number: number, text: text, position: position)
  }

  // MARK: Declarations

  private mutating func parseStates() throws {
    take()
    while !isAtEnd {
      let name = try parsePhrase("the name of a state")
      let begins = skip(word: "begins")
      let ends = skip(word: "ends")
      tree.signalling.states.append(
        StateDeclaration(name: name, begins: begins, ends: ends, words: try parseWords()))
    }
  }

  private mutating func parseGroup() throws {
    let start = take()
    let name = try parsePhrase("the name of a group of states")
    try expect(symbol: "=")
    let members = try parsePhrases("a state")
    try expectEndOfDeclaration()
    tree.signalling.groups.append(StateGroupDeclaration(name: name, members: members, comment: start.comment))
  }

  private mutating func parseEvents() throws {
    take()
    guard skip(word: "of") else { throw expected("`of`") }
    let source: EventDeclaration.Source
    if skip(word: "jingle") {
      source = .jingle
    } else if skip(word: "sip") {
      source = .sip
    } else if skip(word: "gateway") {
      source = .gateway
    } else if skip(word: "responses") {
      guard skip(word: "to") else { throw expected("`to`") }
      source = .responses(try expectName("the request that is answered").name)
    } else if case .identifier(let prefix) = current.kind, !isAtEnd {
      tree.signalling.eventPrefixes.append(Phrase(text: prefix, position: current.position))
      source = .elements(prefix)
      take()
    } else {
      throw expected("`jingle`, `sip`, `responses to …`, the prefix of a namespace or `gateway`")
    }
    while !isAtEnd {
      var event = EventDeclaration(
        source: source, name: try parsePhrase("the name of an event"), protocolNames: [], ranges: [], states: .list([]),
        words: "")
      if case .responses = source {
        try expect(symbol: "=")
        repeat { event.ranges.append(try parseStatusRange()) } while skip(symbol: ",")
      } else if skip(symbol: "=") {
        event.protocolNames = try parsePhrases("a name of the protocol")
      }
      guard skip(word: "in") else { throw expected("`in` and the states in which the event can come") }
      event.states = try parseStateSet()
      event.words = try parseWords()
      tree.signalling.events.append(event)
    }
  }

  private mutating func parseEffects() throws {
    take()
    while !isAtEnd {
      var effect = EffectDeclaration(name: try parsePhrase("the name of an effect"), words: "")
      if skip(word: "needs") {
        guard case .identifier(let word) = current.kind, !isAtEnd, let need = EffectDeclaration.Need(rawValue: word)
        else { throw expected("`status`, `reason` or `cause`") }
        take()
        effect.need = need
      }
      if skip(word: "says") { effect.reason = try parsePhrase("a Jingle reason") }
      effect.words = try parseWords()
      tree.signalling.effects.append(effect)
    }
  }

  private mutating func parseBlock() throws {
    let start = take()
    var block = SignallingBlock(events: try parsePhrases("an event"), rows: [], comment: start.comment)
    while !isAtEnd {
      let position = current.position
      if isWord("otherwise") {
        diagnostics.report(
          position, "a row names its states: `otherwise` would answer for a row that is missing by mistake",
          note: "write `in` and the states that are left, or a group of them")
        throw Failure()
      }
      guard skip(word: "in") else { throw expected("a row, `in states -> effects then state`") }
      let states = try parseStateSet()
      try expect(symbol: "->")
      var effects: [Phrase] = []
      if isWord("nothing") {
        take()
      } else {
        effects = try parsePhrases("an effect or `nothing`")
      }
      let next = skip(word: "then") ? try parsePhrase("the next state") : nil
      block.rows.append(SignallingRowSyntax(states: states, effects: effects, next: next, position: position))
    }
    tree.signalling.blocks.append(block)
  }

  // MARK: Reasons

  private mutating func parseReasons() throws {
    let start = take()
    if skip(word: "to") {
      if skip(word: "sip") {
        tree.signalling.reasonPositions["to sip"] = start.position
        while !isAtEnd { try parseReasonToSIP() }
      } else if skip(word: "jingle") {
        tree.signalling.reasonPositions["to jingle"] = start.position
        while !isAtEnd { try parseReasonToJingle() }
      } else {
        throw expected("`sip` or `jingle`")
      }
    } else if skip(word: "of") {
      guard skip(word: "gateway") else { throw expected("`gateway`") }
      tree.signalling.reasonPositions["of gateway"] = start.position
      while !isAtEnd { try parseReasonOfGateway() }
    } else {
      throw expected("`to sip`, `to jingle` or `of gateway`")
    }
  }

  private mutating func parseName(_ what: String) throws -> Phrase {
    let name = try expectName(what)
    return Phrase(text: name.name, position: name.position)
  }

  private mutating func parseReasonToSIP() throws {
    tree.signalling.toSIP.append(
      ReasonToSIPSyntax(
        reason: try parseName("a Jingle reason"),
        byCaller: try parseName("the SIP request before the answer, from the caller"),
        byCallee: try parseStatusRange(),
        answered: try parseName("the SIP request after the answer"),
        devices: try parseName("`all` or `one`: for how many devices a device speaks"),
        cause: try parseCause()))
  }

  private mutating func parseReasonToJingle() throws {
    let key: ReasonToJingleSyntax.Key
    if case .number = current.kind {
      key = .statuses(try parseStatusRange())
    } else {
      key = .request(try parseName("a SIP request or status codes"))
    }
    let reason = try parseName("a Jingle reason")
    let hasSIPError = skip(word: "with")
    if hasSIPError, !skip(word: "sip-error") { throw expected("`sip-error`") }
    tree.signalling.toJingle.append(ReasonToJingleSyntax(key: key, reason: reason, hasSIPError: hasSIPError))
  }

  private mutating func parseReasonOfGateway() throws {
    var row = ReasonOfGatewaySyntax(event: try parsePhrase("an event"))
    if skip(word: "status") { row.status = try parseStatusRange() }
    if skip(word: "reason") {
      row.reason = try parseName("a Jingle reason")
      if skip(word: "with") {
        guard skip(word: "sip-error") else { throw expected("`sip-error`") }
        row.sipError = try parseStatusRange()
      }
    }
    if skip(word: "cause") { row.cause = try parseCause() }
    guard row.status != nil || row.reason != nil || row.cause != nil else {
      throw expected("`status`, `reason` or `cause` behind the event")
    }
    tree.signalling.ofGateway.append(row)
  }
}
