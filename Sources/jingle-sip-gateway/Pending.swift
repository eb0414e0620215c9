import Gateway

// The seam to the demonstration, until Gateway has it: then this file goes.

enum Demo {
  struct Missing: Error, CustomStringConvertible {
    var description: String { "this build has no demonstration yet" }
  }

  static func run() async throws { throw Missing() }
}
