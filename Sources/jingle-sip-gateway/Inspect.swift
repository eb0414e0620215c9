import ArgumentParser
import Gateway

extension MessageKind: ExpressibleByArgument {}

/// `inspect sip|sdp|jingle [--serialize] FILE…`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says of each file whether it is a valid message, and where it is not.",
    discussion: """
      Each file is read as one message: a SIP datagram, a session description, or a stanza of Jingle or its payload, \
      such as <jingle/> or <propose/>. One \
      JSON object a line goes to standard output: file, verdict (accept or reject), and where it rejects layer, \
      where, offset and message. Of a SIP message that has a body, body says what is in it, part by part: type, \
      disposition, where it starts and how long it is, and of session descriptions a verdict of their own. Reading is strict: the first thing that is wrong rejects the message.

      Exit status: 0 when all were accepted, 1 otherwise.
      """)

  @Argument(help: "What the files are: sip, sdp or jingle.")
  var kind: MessageKind

  @Flag(help: "Write what the serializer makes of each accepted message; reports of the others go to standard error.")
  var serialize = false

  @Argument(help: ArgumentHelp("The files; - is standard input.", valueName: "file"))
  var files: [String]

  func run() throws {
    var isAccepted = true
    for file in files where !inspect(file) { isAccepted = false }
    if !isAccepted { throw ExitCode(1) }
  }

  private func inspect(_ file: String) -> Bool {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try FileInput.read(file == "-" ? nil : file, limit: Inspection.maximumSize)
    } catch {
      Console.error("jingle-sip-gateway: \(file): \(error.reason)")
      return false
    }
    do throws(Objection) {
      var serialized = try Inspection.inspect(bytes, as: kind)
      if serialize {
        if kind == .jingle { serialized.append(0x0A) }
        Console.write(serialized)
      } else {
        let parts = kind == .sip ? Inspection.parts(ofMessage: bytes) : []
        Console.print(Inspection.report(file: file, objection: nil, parts: parts))
      }
      return true
    } catch {
      let report = Inspection.report(file: file, objection: error)
      if serialize { Console.error(report) } else { Console.print(report) }
      return false
    }
  }
}
