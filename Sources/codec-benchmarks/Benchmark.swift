import CodecRuntime
import JingleCodec
import JingleSIPMapping
import SDPCodec
import SIPCodec
import XMLReader

struct BenchmarkOptions {
  var isJSON = false
  var seconds = 1.0
  var count: Int?
  var operation: String?
  var paths: [String] = []
}

struct BenchmarkError: Error, CustomStringConvertible {
  var description: String
}

/// One operation on one file. `body` does it a number of times and returns something that depends on the result, so
/// that it cannot be left out.
struct Benchmark {
  let file: String
  let operation: String
  let bytes: Int
  let body: (Int) -> Int

  /// The operations that make sense for a file.
  static func all(of file: String) throws -> [Benchmark] {
    guard let contents = BenchmarkFiles.read(file) else { throw BenchmarkError(description: "cannot be read") }
    if file.hasSuffix(".sip") { return try sip(file, contents) }
    if file.hasSuffix(".sdp") { return try sdp(file, contents) }
    return try jingle(file, contents)
  }

  private static func sip(_ file: String, _ contents: [UInt8]) throws -> [Benchmark] {
    let message = try SIPMessage(parsing: contents)
    if let issue = message.issues.first { throw BenchmarkError(description: "\(issue.location): \(issue.message)") }
    return [
      Benchmark(file: file, operation: "parse", bytes: contents.count) { count in
        contents.withUnsafeBufferPointer { buffer in
          var sum = 0
          for _ in 0..<count {
            guard let message = try? SIPMessage(parsing: buffer) else { continue }
            sum &+= message.arena.wordCount
          }
          return sum
        }
      },
      serialize(file, contents.count) { message.write(to: &$0) },
    ]
  }

  private static func sdp(_ file: String, _ contents: [UInt8]) throws -> [Benchmark] {
    let description = try SessionDescription(parsing: contents)
    return [
      Benchmark(file: file, operation: "parse", bytes: contents.count) { count in
        contents.withUnsafeBufferPointer { buffer in
          var sum = 0
          for _ in 0..<count {
            guard let description = try? SessionDescription(parsing: buffer) else { continue }
            sum &+= description.arena.wordCount
          }
          return sum
        }
      },
      serialize(file, contents.count) { description.write(to: &$0) },
      // From the bytes of one to the bytes of the other.
      Benchmark(file: file, operation: "translate", bytes: contents.count) { count in
        contents.withUnsafeBufferPointer { buffer in
          var output = Output(capacity: buffer.count * 4)
          var sum = 0
          for _ in 0..<count {
            output.removeAll()
            var state = MediaState()
            guard let description = try? SessionDescription(parsing: buffer),
              let translation = try? translateToJingle(description.arena, by: .initiator, sid: "1", state: &state)
            else { continue }
            Jingle(arena: translation.arena, index: 0).write(to: &output)
            sum &+= output.count
          }
          return sum
        }
      },
    ]
  }

  private static func jingle(_ file: String, _ contents: [UInt8]) throws -> [Benchmark] {
    guard let jingle = read(contents) else { throw BenchmarkError(description: "holds no Jingle element") }
    return [
      Benchmark(file: file, operation: "parse", bytes: contents.count) { count in
        var sum = 0
        for _ in 0..<count { sum &+= read(contents)?.arena.wordCount ?? 0 }
        return sum
      },
      serialize(file, contents.count) { jingle.write(to: &$0) },
      Benchmark(file: file, operation: "translate", bytes: contents.count) { count in
        var output = Output(capacity: contents.count)
        var sum = 0
        for _ in 0..<count {
          output.removeAll()
          var state = MediaState()
          guard let jingle = read(contents),
            let translation = try? translateToSDP(jingle.arena, at: jingle.index, by: .initiator, state: &state)
          else { continue }
          SessionDescription(arena: translation.arena).write(to: &output)
          sum &+= output.count
        }
        return sum
      },
    ]
  }

  private static func read(_ contents: [UInt8]) -> Jingle? {
    guard let root = try? XMLReader.parseDocument(contents) else { return nil }
    if let reading = Jingle.read(root) { return reading.jingle }
    for child in root.children { if let reading = Jingle.read(child) { return reading.jingle } }
    return nil
  }

  private static func serialize(
    _ file: String, _ bytes: Int, _ write: @escaping (inout Output) -> Void
  ) -> Benchmark {
    Benchmark(file: file, operation: "serialize", bytes: bytes) { count in
      var output = Output(capacity: bytes * 2)
      var sum = 0
      for _ in 0..<count {
        output.removeAll()
        write(&output)
        sum &+= output.count
      }
      return sum
    }
  }

  // MARK: Timing

  /// Times batches and prints the median of one message.
  func run(_ options: BenchmarkOptions) {
    if let count = options.count {
      keep(body(count))
      return
    }
    let batch = max(1, 200_000 / max(1, duration(of: 50) / 50))
    let limit = Int(options.seconds * 1e9 / 2)
    var samples: [Double] = []
    let start = BenchmarkFiles.now()
    while samples.count < 5 || (BenchmarkFiles.now() - start < limit && samples.count < 10_000) {
      samples.append(Double(duration(of: batch)) / Double(batch))
    }
    samples.sort()
    let median = samples[samples.count / 2]
    let iterations = samples.count * batch
    if options.isJSON {
      let name = file.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      print(
        "{\"file\":\"\(name)\",\"operation\":\"\(operation)\",\"ns\":\(Int(median.rounded())),"
          + "\"bytes\":\(bytes),\"iterations\":\(iterations)}"
      )
    } else {
      let padded = String(repeating: " ", count: max(0, 10 - operation.count))
      print("\(file)  \(operation)\(padded) \(Int(median.rounded())) ns  \(bytes) bytes  \(iterations) iterations")
    }
  }

  private func duration(of count: Int) -> Int {
    let start = BenchmarkFiles.now()
    keep(body(count))
    return BenchmarkFiles.now() - start
  }

  @inline(never)
  private func keep(_ value: Int) {
    if value == Int.min { print(value) }
  }
}
