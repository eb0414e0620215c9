/// One step of the engine in the making; `Step` of JingleSIPMapping is its form at run time.
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
  /// Their place in the table.
  var note = -1
  var nested: [LoweredStep] = []
  /// Steps below it, in the table.
  var range: Range<Int> = 0..<0

  init(_ operation: String) { self.operation = operation }

  /// Some step below it looks for attributes by key.
  var joins: Bool { nested.contains { $0.place == "joined" || $0.place == "groupMember" || $0.joins } }

  /// The initializer, as Swift; what is as usual is left out.
  var text: String {
    var arguments = [".\(operation)"]
    if place != "here" { arguments.append(".\(place)") }
    func add(_ label: String, _ value: Int) { if value >= 0 { arguments.append("\(label): \(value)") } }
    func add(_ label: String, _ value: Range<Int>) {
      if !value.isEmpty { arguments.append("\(label): \(value.lowerBound)..<\(value.upperBound)") }
    }
    if !flags.isEmpty { arguments.append("flags: [\(flags.sorted().map { ".\($0)" }.joined(separator: ", "))]") }
    add("line", line)
    add("item", item)
    add("element", element)
    add("sdp", sdp)
    add("jingle", jingle)
    add("key", key)
    add("filters", filters)
    add("conversion", conversion)
    add("column", column)
    add("texts", texts)
    add("omitted", omitted)
    add("conditionSDP", conditionSDP)
    if conditionPlace != "here" { arguments.append("conditionPlace: .\(conditionPlace)") }
    add("conditionItem", conditionItem)
    add("conditionJingle", conditionJingle)
    add("conditionText", conditionText)
    if let predicate { arguments.append("predicate: .\(Naming.escaped(Naming.property(predicate)))") }
    if let function { arguments.append("function: .\(Naming.escaped(Naming.property(function)))") }
    if actions != .max { arguments.append("actions: 0x\(String(actions, radix: 16))") }
    add("nested", range)
    add("note", note)
    return "Step(\(arguments.joined(separator: ", ")))"
  }
}
