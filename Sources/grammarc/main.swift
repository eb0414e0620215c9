import GrammarCompiler

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

let usage = """
  usage: grammarc check    [--grammars DIR] [--target NAME]
         grammarc emit     --target NAME --output DIR [--grammars DIR]
         grammarc document [--grammars DIR]
         grammarc explain  NAME [--grammars DIR]
         grammarc dictionary [--target NAME] [--grammars DIR]

  check     compiles the grammars of every target, or of one, and says what is wrong with them, or that nothing is
  emit      writes the Swift sources of a target into DIR, which it makes if it is not there
  document  prints tables of all headers, lines, elements, mapping rows and signalling rows as Markdown
  explain   says where a header, line, attribute, element, value, rule, status code, state or event is declared, what
            it became in Swift, and which rows map it or name it
  dictionary
            prints the words of the grammars, one a line, as fuzzers read them (libFuzzer's -dict=, AFL's -x)

  DIR is Grammars by default; its file targets.grammar says which folders belong to which target.

  """

func fail(_ message: String, status: Int32) -> Never {
  Files.printError(message)
  exit(status)
}

var options: [String: String] = [:]
var arguments = CommandLine.arguments.dropFirst()
let command = arguments.popFirst() ?? "help"
if !Set(arguments + [command]).isDisjoint(with: ["help", "--help", "-h"]) {
  print(usage, terminator: "")
  exit(0)
}
guard ["check", "emit", "document", "explain", "dictionary"].contains(command) else {
  fail("grammarc: what is `\(command)`?\n\n\(usage)", status: 64)
}
var names: [String] = []
while let argument = arguments.popFirst() {
  if command == "explain", !argument.hasPrefix("-") {
    names.append(argument)
    continue
  }
  guard ["--grammars", "--target", "--output"].contains(argument) else {
    fail("grammarc: what is `\(argument)`?\n\n\(usage)", status: 64)
  }
  guard let value = arguments.popFirst() else {
    fail("grammarc: \(argument) wants a \(argument == "--target" ? "name" : "folder") behind it\n", status: 64)
  }
  options[argument] = value
}
// `explain RFC 3261` and `explain 180 Ringing` need no quotation marks.
let name = names.joined(separator: " ")
if command == "explain", name.isEmpty {
  fail("grammarc: explain what? Such as `grammarc explain Via`, `a=fmtp`, `486` or `RFC 3261`\n", status: 64)
}
if command == "emit", options["--target"] == nil || options["--output"] == nil {
  fail("grammarc: emit wants --target NAME and --output DIR\n", status: 64)
}

let directory = options["--grammars"] ?? "Grammars"
let read = Files.grammars(directory)
if let problem = read.problem { fail("grammarc: \(problem)\n", status: 66) }
guard let targetsText = Files.read("\(directory)/targets.grammar") else {
  fail(
    "grammarc: there is no \(directory)/targets.grammar to read; say with --grammars DIR where the grammars are\n",
    status: 66)
}
let set = GrammarSet(
  files: read.files,
  targetsFile: SourceFile(path: "\(directory)/targets.grammar", area: "targets", text: targetsText))
if !set.problems.isEmpty { fail(set.problems, status: 1) }

/// The targets that the command is about.
func chosenTargets(_ set: GrammarSet, _ name: String?, _ directory: String) -> [GrammarSet.Target] {
  guard let name else { return set.targets }
  guard let target = set.target(name) else {
    let known = set.targets.map { "`\($0.name)`" }.joined(separator: ", ")
    fail("grammarc: there is no target `\(name)` in \(directory)/targets.grammar, which has \(known)\n", status: 64)
  }
  return [target]
}

switch command {
case "check":
  var seen: Set<String> = []
  var mistakes: [(Diagnostic, Compilation)] = []
  for target in chosenTargets(set, options["--target"], directory) {
    let compilation = set.compile(target)
    // A mistake in a grammar that several targets read is one mistake, though each may guess another name as meant.
    for diagnostic in compilation.diagnostics where seen.insert(compilation.identity(of: diagnostic)).inserted {
      mistakes.append((diagnostic, compilation))
    }
  }
  if !mistakes.isEmpty { fail(Compilation.rendered(mistakes), status: 1) }
  let count = set.targets.reduce(into: Set<String>()) { $0.formUnion(set.files(of: $1).map(\.path)) }.count
  print("\(count) grammars: nothing is wrong")
case "emit":
  guard let output = options["--output"] else { break }
  for target in chosenTargets(set, options["--target"], directory) {
    let compilation = set.compile(target)
    if !compilation.diagnostics.isEmpty { fail(compilation.renderedDiagnostics, status: 1) }
    if let problem = Files.makeDirectory(output) {
      fail("grammarc: cannot make the directory \(output): \(problem)\n", status: 73)
    }
    for file in compilation.emit() {
      if let problem = Files.write("\(output)/\(file.name)", file.text) {
        fail("grammarc: cannot write \(output)/\(file.name): \(problem)\n", status: 73)
      }
    }
  }
case "document":
  for target in chosenTargets(set, options["--target"], directory) {
    let compilation = set.compile(target)
    if !compilation.diagnostics.isEmpty { fail(compilation.renderedDiagnostics, status: 1) }
    print(compilation.document(), terminator: "")
  }
case "dictionary":
  for target in chosenTargets(set, options["--target"], directory) {
    let compilation = set.compile(target)
    if !compilation.diagnostics.isEmpty { fail(compilation.renderedDiagnostics, status: 1) }
    print(compilation.dictionaryText(), terminator: "")
  }
case "explain":
  let compilations = chosenTargets(set, options["--target"], directory).map(set.compile)
  if let broken = compilations.first(where: { !$0.diagnostics.isEmpty }) {
    fail(broken.renderedDiagnostics, status: 1)
  }
  // What all targets share each of them explains.
  let explanations = compilations.flatMap { $0.explain(name) }.reduce(into: [Explanation]()) { known, explanation in
    if !known.contains(explanation) { known.append(explanation) }
  }
  if explanations.isEmpty {
    let near = Compilation.nearNames(to: name, in: compilations).map { "`\($0)`" }
    fail(
      "grammarc: no grammar declares `\(name)`"
        + (near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?") + "\n", status: 1)
  }
  print(explanations.map(\.text).joined(separator: "\n"), terminator: "")
default: break
}
