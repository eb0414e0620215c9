/// What one row is on the way in one direction, before it becomes code.
final class LoweredStep {
  var operation: String
  var place = "here"
  var flags: Set<String> = []
  var line = -1
  var item = -1
  var element = -1
  var sdp = -1
  var jingle = -1
  var key = -1
  var filters: Range<Int> = 0..<0
  var conversion = -1
  var column = -1
  var texts: Range<Int> = 0..<0
  var omitted: Range<Int> = 0..<0
  var conditionSDP = -1
  var conditionPlace = "here"
  var conditionItem = -1
  var conditionJingle = -1
  var conditionText = -1
  var predicate: String?
  var function: String?
  var actions: UInt64 = .max
  /// What is lost, and why.
  var name = ""
  var reason = ""
  var nested: [LoweredStep] = []

  init(_ operation: String) { self.operation = operation }

  /// Some step below it looks for attributes by key.
  var joins: Bool { nested.contains { $0.place == "joined" || $0.place == "groupMember" || $0.joins } }
}
