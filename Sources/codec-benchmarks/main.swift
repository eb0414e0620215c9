import CodecRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

let usage = """
  usage: codec-benchmarks [--json] [--seconds S] [--count N] FILE|DIR…

  Times the codecs on every *.sip, *.sdp and *.xml (a Jingle IQ): parse (every typed header, line or element), serialize
  (from the typed values, parse not included), and for SDP and Jingle translate (to the other one, parse included).
  S is the time for all operations of a file, 1 by default. With N each operation runs N times instead and nothing is
  timed: for an instruction count.

  """

/// Ends the program as wrong usage.
func refuse(_ message: String) -> Never {
  BenchmarkFiles.printError("codec-benchmarks: \(message)\n\n\(usage)")
  exit(64)
}

var options = BenchmarkOptions()
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--json": options.isJSON = true
  case "--seconds":
    guard let value = arguments.popFirst().flatMap(Double.init), value > 0, value < 3600 else {
      refuse("--seconds takes a number")
    }
    options.seconds = value
  case "--count":
    guard let value = arguments.popFirst().flatMap({ Int($0) }), value > 0 else { refuse("--count takes a number") }
    options.count = value
  case "--operation":
    guard let value = arguments.popFirst() else { refuse("--operation takes parse, serialize or translate") }
    options.operation = value
  case "--help":
    print(usage, terminator: "")
    exit(0)
  default:
    if argument.hasPrefix("-") { refuse("what is `\(argument)`?") }
    options.paths.append(argument)
  }
}
if options.paths.isEmpty { refuse("no files") }
let files = options.paths.flatMap(BenchmarkFiles.find)
if files.isEmpty { refuse("no *.sip, *.sdp or *.xml there") }
var isFailed = false
for file in files {
  do {
    for benchmark in try Benchmark.all(of: file) where options.operation.map({ $0 == benchmark.operation }) ?? true {
      benchmark.run(options)
    }
  } catch {
    BenchmarkFiles.printError("\(file): \(error)\n")
    isFailed = true
  }
}
exit(isFailed ? 1 : 0)
