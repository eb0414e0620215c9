/// Something about a configuration file that its user should know.
public struct ConfigurationProblem: Equatable, Sendable {
  /// Lines count from 1.
  public var line: Int
  public var message: String

  public init(line: Int, message: String) {
    self.line = line
    self.message = message
  }

  /// `FILE:LINE: message`
  public func text(file: String) -> String { "\(file):\(line): \(message)" }
}

/// A configuration file that cannot be used, with all reasons in the order of its lines.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  public var file: String
  public var problems: [ConfigurationProblem]

  public init(file: String, problems: [ConfigurationProblem]) {
    self.file = file
    self.problems = problems
  }

  /// One line `FILE:LINE: reason` for each reason.
  public var description: String { problems.map { $0.text(file: file) }.joined(separator: "\n") }
}
