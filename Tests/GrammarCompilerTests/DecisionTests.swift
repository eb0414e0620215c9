import Testing

@testable import GrammarCompiler

/// How a parser decides: by one byte where that is enough, else by the beginning of a token, else by a predicate.
@Suite struct DecisionTests {
  /// The first optional part, repetition or choice of the header `A`.
  private func alternatives(_ grammar: String, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> [Alternative]
  {
    let compilation = compiled(grammar)
    #expect(compilation.renderedDiagnostics == "", sourceLocation: sourceLocation)
    let shape = try #require(compilation.model.headers.first { $0.name == "A" }, sourceLocation: sourceLocation).shape
    for step in shape.body {
      switch step {
      case .optional(let alternative, _), .repetition(_, _, let alternative), .commaList(_, let alternative, _, _):
        return [alternative]
      case .choice(let alternatives, _, _): return alternatives
      default: break
      }
    }
    return []
  }

  @Test func oneByteIsEnough() throws {
    let decision = try #require(
      alternatives(
        """
        header A = host:token [ ":" port:UInt16 ]
        token = 1*%x61-7A
        """
      ).first?.decision)
    guard case .bytes(let set) = decision else {
      Issue.record("\(decision)")
      return
    }
    #expect(set == ByteSet([0x3A]))
  }

  @Test func lettersInBothCases() throws {
    let alternatives = try alternatives(
      """
      header A = ( "udp" one:UInt8 / "tcp" two:UInt8 )
      """)
    guard case .bytes(let set)? = alternatives.first?.decision, case .otherwise? = alternatives.last?.decision else {
      Issue.record("\(alternatives.map(\.decision))")
      return
    }
    #expect(set == ByteSet("uU".utf8))
  }

  @Test func whatStandsBehindWhiteSpaceDecides() throws {
    let alternatives = try alternatives(
      """
      header A = name:token [ LWS version:token ] [ LWS "(" comment:token ")" ]
      token = 1*%x61-7A
      LWS = 1*" " written " "
      """)
    guard case .lookahead(let sure, let contested, let automaton)? = alternatives.first?.decision else {
      Issue.record("\(alternatives.map(\.decision))")
      return
    }
    #expect(sure.isEmpty)
    #expect(contested == ByteSet([0x20]))
    #expect(automaton.accepts("  a".utf8))
    #expect(!automaton.accepts("  (".utf8))
  }

  @Test func literalsWithACommonBeginning() throws {
    let alternatives = try alternatives(
      """
      header A = ( "sip:" one:UInt8 / "sips:" two:UInt8 / "tel:" three:UInt8 )
      """)
    guard case .lookahead(let sure, let contested, _)? = alternatives.first?.decision,
      case .bytes(let second)? = alternatives.dropFirst().first?.decision
    else {
      Issue.record("\(alternatives.map(\.decision))")
      return
    }
    #expect(sure.isEmpty)
    #expect(contested == ByteSet("sS".utf8))
    #expect(second == ByteSet("sS".utf8))
  }

  @Test func aPredicateDecidesWhereItStands() throws {
    let alternatives = try alternatives(
      """
      header A = ( when user-ahead user:token "@" host:token / host:token )
      user-ahead = token "@"
      token = 1*%x61-7A
      """)
    guard case .predicate(let rule)? = alternatives.first?.decision, case .otherwise? = alternatives.last?.decision
    else {
      Issue.record("\(alternatives.map(\.decision))")
      return
    }
    #expect(rule.name == "user-ahead")
  }

  @Test func theEndOfAHeaderIsNoWhiteSpaceInIt() throws {
    // White space may be folded: CRLF and a space continue the header, CRLF and a letter end it.
    let alternatives = try alternatives(
      """
      header A = first:token *( LWS more:token )
      token = 1*%x61-7A
      LWS = [ *WSP %x0D.0A ] 1*WSP written " "
      WSP = " " / %x09
      """)
    guard case .lookahead(let sure, let contested, let automaton)? = alternatives.first?.decision else {
      Issue.record("\(alternatives.map(\.decision))")
      return
    }
    #expect(sure.isEmpty)
    #expect(contested == ByteSet([0x20, 0x09, 0x0D]))
    #expect(automaton.accepts("\r\n a".utf8))
    #expect(!automaton.accepts("\r\na".utf8))
  }

  @Test func whatFollowsARuleDependsOnAllItsUses() {
    expectRefused(
      """
      header A = one:pair ";" end:token
      header B = two:pair ":" end:token
      pair = name:token [ ":" value:token ]
      token = 1*%x61-7A
      """,
      """
      a.grammar:3:21: error: undecided: this optional part and what follows it can both begin with ":"
      pair = name:token [ ":" value:token ]
                          ^
      a.grammar:3:21: note: a predicate would decide it: declare the token rule `value-ahead = ":" token` and write \
      `[ when value-ahead …`
      """)
  }
}
