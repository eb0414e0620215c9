import Testing

@testable import GrammarCompiler

/// Several files, and what `targets.grammar` says of them.
@Suite struct GrammarSetTests {
  private let core = SourceFile(path: "core.grammar", area: "core", text: "token = 1*%x61-7A\nunused = \"x\"\n")

  private func targets(_ text: String) -> SourceFile {
    SourceFile(path: "targets.grammar", area: "targets", text: text)
  }

  @Test func aTargetConsistsOfWhatItUsesAndWhatItGenerates() throws {
    let sip = SourceFile(path: "sip/a.grammar", area: "sip", text: "header A = value:token\n")
    let other = SourceFile(path: "sdp/b.grammar", area: "sdp", text: "line v version = value:nothing\n")
    let set = GrammarSet(
      files: [core, other, sip], targetsFile: targets("; none\ntarget SIP generates sip using core\n"))
    #expect(set.problems == "")
    let target = try #require(set.target("SIP"))
    #expect(set.target("SDP") == nil)
    #expect(set.files(of: target).map(\.path) == ["core.grammar", "sip/a.grammar"])
    // What nothing uses is no mistake in a folder that is only used.
    let compilation = set.compile(target)
    #expect(compilation.renderedDiagnostics == "")
    #expect(
      compilation.emit().map(\.name) == ["Grammar-a.swift"] + Compilation.sharedOutputNames)
  }

  @Test func aFolderThatIsNotThere() {
    let set = GrammarSet(files: [core], targetsFile: targets("target SIP generates sip using cor\n"))
    #expect(
      set.problems == """
        targets.grammar:1:8: error: there are no grammars `cor`; did you mean `core`?
        target SIP generates sip using cor
               ^

        """)
  }

  @Test func aTargetTwice() {
    let set = GrammarSet(
      files: [core],
      targetsFile: targets("target SIP generates core\ntarget SDP generates core\ntarget SIP generates core\n"))
    #expect(
      set.problems == """
        targets.grammar:3:8: error: the target `SIP` is declared twice
        target SIP generates core
               ^
        targets.grammar:1:8: note: the first time here

        """)
  }

  @Test func anotherDeclarationThanTargets() {
    let set = GrammarSet(files: [core], targetsFile: targets("target SIP generates core\ntoken = \"x\"\n"))
    #expect(
      set.problems == """
        targets.grammar:2:1: error: only lines `target NAME generates FOLDER … using FOLDER …` stand in this file
        token = "x"
        ^

        """)
  }

  @Test func mistakesStandInTheOrderOfTheFilesAndNotesInTheirOwn() {
    let first = SourceFile(path: "sip/a.grammar", area: "sip", text: "header A = value:token\nheader B = value:tokn\n")
    let second = SourceFile(path: "sip/b.grammar", area: "sip", text: "\nheader A = value:token\ntoken = \"x\"\n")
    let compilation = Compilation(files: [core, first, second], generating: ["sip"])
    #expect(
      compilation.renderedDiagnostics == """
        sip/a.grammar:2:18: error: there is no rule `tokn`; did you mean `token`?
        header B = value:tokn
                         ^
        sip/b.grammar:2:8: error: the header `A` is declared twice
        header A = value:token
               ^
        sip/a.grammar:1:8: note: the first time here
        sip/b.grammar:3:1: error: the rule `token` is declared twice
        token = "x"
        ^
        core.grammar:1:1: note: the first time here

        """)
  }

  @Test func twoFilesWithOneOutput() {
    let first = SourceFile(path: "sip/a.grammar", area: "sip", text: "header A = value:token\n")
    let second = SourceFile(path: "sdp/a.grammar", area: "sdp", text: "header B = value:token\n")
    let compilation = Compilation(files: [core, first, second], generating: ["sip", "sdp"])
    #expect(
      compilation.renderedDiagnostics == """
        sdp/a.grammar:1:1: error: this file and sip/a.grammar would both become Grammar-a.swift
        header B = value:token
        ^
        sdp/a.grammar:1:1: note: give one of them another name

        """)
  }

  @Test func linesMayEndWithCRLFAndBeginWithTabs() {
    let file = SourceFile(
      path: "sip/a.grammar", area: "sip", text: "; A\r\nheader A =\r\n\tvalue:tokn\r\ntoken = \"x\"\r\n")
    let compilation = Compilation(files: [file], generating: ["sip"])
    #expect(
      compilation.renderedDiagnostics
        == "sip/a.grammar:3:8: error: there is no rule `tokn`; did you mean `token`?\n\tvalue:tokn\n\t      ^\n")
  }

  @Test func invisibleCharactersAreNamed() {
    expectRefused(
      "header A = value:a\na = \"x\"\u{A0}\"y\"",
      """
      a.grammar:2:8: error: the character U+00A0 means nothing in a grammar; write a space
      a = "x"\u{A0}"y"
             ^
      """)
  }

  @Test func columnsCountCharactersNotBytes() {
    expectRefused(
      "header A = value:a ; §\na = %x41-5A ; — ü\n  / b",
      "a.grammar:3:5: error: there is no rule `b`; did you mean `a`?\n  / b\n    ^")
  }

  @Test func anElementHasNoMoreThan32Attributes() {
    let attributes = (1...33).map { "    @a\($0):text\n" }.joined()
    let text = "namespace a = \"u\"\nelement a:b root\n" + attributes
    expectRefused(
      text,
      """
      a.grammar:2:9: error: `a:b` has 33 attributes; one type holds no more than 32
      element a:b root
              ^
      """)
  }

  @Test func noTarget() {
    #expect(
      GrammarSet(files: [core], targetsFile: targets("; none\n")).problems == """
        targets.grammar:1:1: error: no line `target NAME generates FOLDER … using FOLDER …` stands in this file
        ; none
        ^

        """)
    let slip = "target SIP generates core usng core\n"
    #expect(
      GrammarSet(files: [core], targetsFile: targets(slip)).problems == """
        targets.grammar:1:8: error: there are no grammars `usng`; did you mean `using`?
        target SIP generates core usng core
               ^

        """)
  }

  @Test("More mistakes than anybody reads are counted")
  func manyMistakes() {
    let text = (0..<60).map { "header X-\($0) = value:a\($0)\n" }.joined()
    let compilation = Compilation(
      files: [SourceFile(path: "sip/a.grammar", area: "sip", text: text)], generating: ["sip"])
    #expect(compilation.diagnostics.count == 60)
    #expect(compilation.renderedDiagnostics.hasSuffix("\n10 more mistakes not shown\n"))
  }

}
