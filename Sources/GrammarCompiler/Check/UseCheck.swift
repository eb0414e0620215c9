/// Reports rules that nothing refers to.
struct UseCheck {
  let trees: [SyntaxTree]
  let model: Model
  let areas: Set<String>
  let diagnostics: Diagnostics

  func run() {
    for tree in trees where areas.contains(tree.area) {
      for rule in tree.rules where !rule.isIncremental && !model.used.contains(rule.name.lowercased()) {
        diagnostics.report(
          rule.position, "nothing uses the rule `\(rule.name)`",
          note: "delete it, refer to it, or name it in a line `framing …` if hand-written framing calls it")
      }
      for number in tree.numbers where !model.usedNumbers.contains(number.name) {
        diagnostics.report(number.position, "nothing uses the number `\(number.name)`")
      }
      for type in tree.enums where !model.usedEnums.contains(type.name) {
        diagnostics.report(type.position, "nothing uses the enum `\(type.name)`")
      }
    }
  }
}
