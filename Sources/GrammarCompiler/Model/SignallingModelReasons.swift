/// The tables between the reasons of Jingle and the status codes of SIP, with names resolved.
struct ReasonTables {
  struct ToSIP {
    /// `nil`: the row `unknown`, for no reason and for one that is not in the table.
    var reason: String?
    var caseName: String
    var byCaller: String
    var byCallee: Int
    var answered: String
    var endsForAll: Bool
    var cause: CauseSyntax
    var position: Position
  }

  struct ToJingle {
    /// A request, or `nil` where status codes are meant.
    var request: String?
    var codes: ClosedRange<Int>?
    var reason: String
    var hasSIPError: Bool
    var position: Position
  }

  struct OfGateway {
    var event: Int
    var status: Int?
    var reason: String?
    var sipError: Int?
    var cause: CauseSyntax?
    var position: Position
  }

  var toSIP: [ToSIP] = []
  var toJingle: [ToJingle] = []
  var ofGateway: [OfGateway] = []

  var isEmpty: Bool { toSIP.isEmpty && toJingle.isEmpty && ofGateway.isEmpty }
  /// The reasons that Jingle has a word for.
  var names: [String] { toSIP.compactMap(\.reason) }

  func hasReason(ofRequest request: String) -> Bool { toJingle.contains { $0.request == request } }
  func ofGateway(_ event: Int) -> OfGateway? { ofGateway.first { $0.event == event } }
}

/// Resolves the tables of reasons and checks that they say something of each reason and each status code.
struct ReasonBuilder {
  private let syntax: [SignallingSyntax]
  private let owner: SignallingBuilder
  private let model: Model
  /// The conditions in the grammar of the `reason` element; `nil` where that is not compiled along.
  private let conditions: [String]?

  init(_ syntax: [SignallingSyntax], owner: SignallingBuilder) {
    self.syntax = syntax
    self.owner = owner
    model = owner.model
    // What has character data is no condition, but said beside one: `text`, `sip-error`; so are those of applications.
    conditions = model.elements["jingle:reason"].map { reason in
      reason.children.filter { $0.element.text == nil && $0.element.prefix == "jingle" }.map(\.element.name)
    }
  }

  func build() -> ReasonTables {
    var tables = ReasonTables()
    addToSIP(&tables)
    addToJingle(&tables)
    addOfGateway(&tables)
    checkEffects(tables)
    return tables
  }

  // MARK: Protocol names

  private func check(status: StatusRange) {
    guard status.codes.count == 1 else {
      return owner.report(status.position, "one status code is sent, not the range \(status.text)")
    }
    let code = status.codes.lowerBound
    if !(300...699).contains(code) {
      owner.report(status.position, "\(code) does not refuse an INVITE; 300 to 699 do")
    } else if !model.statuses.isEmpty, !model.statuses.contains(where: { $0.code == code }) {
      owner.report(status.position, "there is no status code \(code) in the grammar of SIP")
    }
  }

  private func check(method: Phrase, _ expected: String, _ when: String) {
    if method.text == expected { return }
    owner.report(method.position, "a call is ended with \(expected) \(when), not with \(method.text)")
  }

  private func check(reason: Phrase, _ tables: ReasonTables) {
    let names = conditions ?? tables.names
    if names.isEmpty || names.contains(reason.text) { return }
    let suggestion = Spelling.closest(to: reason.text, among: names)
    owner.report(
      reason.position,
      "Jingle has no reason `\(reason.text)`" + (suggestion.map { "; did you mean `\($0)`?" } ?? ""))
  }

  // MARK: Tables

  private func addToSIP(_ tables: inout ReasonTables) {
    for row in syntax.flatMap(\.toSIP) {
      let reason = row.reason.text == "unknown" ? nil : row.reason.text
      if let existing = tables.toSIP.first(where: { $0.reason == reason }) {
        owner.report(
          row.reason.position,
          "the reason `\(row.reason.text)` has two rows; the first one stands in line \(existing.position.line)")
        continue
      }
      if reason != nil, conditions != nil { check(reason: row.reason, tables) }
      check(method: row.byCaller, "CANCEL", "before the answer, by the caller")
      check(status: row.byCallee)
      check(method: row.answered, "BYE", "after the answer")
      if row.devices.text != "all", row.devices.text != "one" {
        owner.report(row.devices.position, "a device speaks for `all` or `one`, not `\(row.devices.text)`")
      }
      tables.toSIP.append(
        .init(
          reason: reason, caseName: Naming.property(row.reason.text), byCaller: row.byCaller.text,
          byCallee: row.byCallee.codes.lowerBound, answered: row.answered.text, endsForAll: row.devices.text == "all",
          cause: row.cause, position: row.reason.position))
    }
    guard let position = position(of: "to sip") else {
      if conditions != nil, let other = position(of: "to jingle") ?? position(of: "of gateway") {
        owner.report(other, "there is no table `reasons to sip` beside this one, so no reason of Jingle means anything")
      }
      return
    }
    let missing = (conditions ?? []).filter { !tables.names.contains($0) }.map { "`\($0)`" }
    if !missing.isEmpty {
      owner.report(position, "the table has no row for \(missing.joined(separator: ", ")), which Jingle has as reason")
    }
    if !tables.toSIP.contains(where: { $0.reason == nil }) {
      owner.report(position, "the table has no row `unknown`, for no reason and for one that is not in it")
    }
  }

  private func addToJingle(_ tables: inout ReasonTables) {
    for row in syntax.flatMap(\.toJingle) {
      check(reason: row.reason, tables)
      var entry = ReasonTables.ToJingle(
        request: nil, codes: nil, reason: row.reason.text, hasSIPError: row.hasSIPError, position: row.reason.position)
      switch row.key {
      case .request(let request):
        entry.request = request.text
        entry.position = request.position
        if !["CANCEL", "BYE"].contains(request.text) {
          owner.report(request.position, "`\(request.text)` ends no call; CANCEL and BYE do")
        } else if let existing = tables.toJingle.first(where: { $0.request == request.text }) {
          owner.report(
            request.position, "\(request.text) has two rows; the first one stands in line \(existing.position.line)")
        }
        if row.hasSIPError {
          owner.report(request.position, "`sip-error` bears the code of a response; \(request.text) has none")
        }
      case .statuses(let range):
        entry.codes = range.codes
        entry.position = range.position
        if range.codes.lowerBound < 300 || range.codes.upperBound > 699 {
          owner.report(range.position, "\(range.text) does not lie within 300 to 699, which refuse an INVITE")
        }
        if let other = tables.toJingle.first(where: { $0.codes?.overlaps(range.codes) == true }),
          let codes = other.codes
        {
          owner.report(
            range.position,
            "\(range.text) and \(codes.lowerBound)-\(codes.upperBound) in line \(other.position.line) overlap")
        }
      }
      tables.toJingle.append(entry)
    }
    guard let position = position(of: "to jingle") else { return }
    for request in ["CANCEL", "BYE"] where !tables.hasReason(ofRequest: request) {
      owner.report(position, "the table has no row for \(request)")
    }
    let gaps = StatusRange.gaps(of: tables.toJingle.compactMap(\.codes), in: 300...699)
    if !gaps.isEmpty {
      owner.report(position, "the table has no row for the status codes \(gaps.map(\.text).joined(separator: ", "))")
    }
  }

  private func addOfGateway(_ tables: inout ReasonTables) {
    for row in syntax.flatMap(\.ofGateway) {
      guard let event = owner.event(row.event) else { continue }
      if let existing = tables.ofGateway(event) {
        owner.report(
          row.event.position, "`\(row.event.text)` has two rows; the first one stands in line \(existing.position.line)"
        )
        continue
      }
      if let status = row.status { check(status: status) }
      if let status = row.sipError { check(status: status) }
      if let reason = row.reason { check(reason: reason, tables) }
      tables.ofGateway.append(
        .init(
          event: event, status: row.status?.codes.lowerBound, reason: row.reason?.text,
          sipError: row.sipError?.codes.lowerBound, cause: row.cause, position: row.event.position))
    }
  }

  private func checkEffects(_ tables: ReasonTables) {
    for effect in owner.signalling.effects {
      if let reason = effect.reason { check(reason: reason, tables) }
    }
  }

  private func position(of table: String) -> Position? {
    syntax.lazy.compactMap { $0.reasonPositions[table] }.first
  }
}

extension StatusRange {
  /// What of `whole` is in none of `ranges`.
  static func gaps(of ranges: [ClosedRange<Int>], in whole: ClosedRange<Int>) -> [StatusRange] {
    var result: [StatusRange] = []
    var next = whole.lowerBound
    let nowhere = Position(file: 0, line: 0, column: 0)
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next {
        result.append(StatusRange(codes: next...min(range.lowerBound - 1, whole.upperBound), position: nowhere))
      }
      next = max(next, range.upperBound + 1)
      if next > whole.upperBound { return result }
    }
    if next <= whole.upperBound { result.append(StatusRange(codes: next...whole.upperBound, position: nowhere)) }
    return result
  }
}
