import ArgumentParser
import Gateway
import JingleSIPMapping

extension Role: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "initiator": self = .initiator
    case "responder": self = .responder
    default: return nil
    }
  }

  public static var allValueStrings: [String] { ["initiator", "responder"] }
  public var defaultValueDescription: String { "\(self)" }
}

/// `translate --to sdp|jingle [--by initiator|responder] [--action ACTION] [--sid SID] [FILE]`
struct Translate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Translates a description from Jingle to SDP, or from SDP to Jingle.",
    discussion: """
      --to sdp reads a Jingle <iq/> or <jingle/> and writes SDP; --to jingle reads SDP, be it whole or m-lines and \
      attributes only, and writes a <jingle/>. What has no counterpart is named on standard error, one line each, \
      beginning with "lost: ".

      Exit status: 0, or 1 where the input cannot be read.
      """)

  enum Target: String, ExpressibleByArgument, CaseIterable {
    case sdp, jingle
  }

  @Option(name: .customLong("to"), help: "What to write.")
  var target: Target

  @Option(name: .customLong("by"), help: "Who wrote the description.")
  var author = Role.initiator

  @Option(help: "The action of the <jingle/>; otherwise the description decides.")
  var action: String?

  @Option(help: "The session id of the <jingle/>; otherwise that of the line o=.")
  var sid: String?

  @Argument(help: ArgumentHelp("The description; without it, standard input is read.", valueName: "file"))
  var file: String?

  func validate() throws {
    if target == .sdp, action != nil || sid != nil {
      throw ValidationError("--action and --sid are for --to jingle.")
    }
    if let action, !Translator.isKnown(action: action) {
      throw ValidationError("There is no Jingle action '\(action)'.")
    }
    if sid?.isEmpty == true { throw ValidationError("The session id is empty.") }
  }

  func run() throws {
    let name = file ?? "standard input"
    let translator = Translator(author: author, action: action, sid: sid)
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try FileInput.read(file == "-" ? nil : file, limit: Inspection.maximumSize)
    } catch {
      Console.error("jingle-sip-gateway: \(name): \(error.reason)")
      throw ExitCode(1)
    }
    do throws(Objection) {
      let output: Translator.Output
      switch target {
      case .sdp: output = try translator.translateToSDP(bytes)
      case .jingle: output = try translator.translateToJingle(bytes)
      }
      Console.write(output.bytes)
      for loss in output.losses { Console.error("lost: \(loss)") }
    } catch {
      Console.error("jingle-sip-gateway: \(name): \(error.location), byte \(error.offset): \(error.message)")
      throw ExitCode(1)
    }
  }
}
