import Testing

@testable import GrammarCompiler

/// What `grammarc dictionary` prints.
@Suite("Dictionaries for fuzzers")
struct DictionaryTests {
  @Test("names of headers, lines, attributes and parameters, values of enums, literals, status codes")
  func words() {
    let compilation = compiled(
      """
      word = 1*%x61-7A
      SEMI = *%x20 ";" *%x20 written "; "
      header Via / v = "SIP/" [ secure:"now" ] *( SEMI params )
          example SIP/now;ttl=7
      params Via "="
          ttl = value:UInt8
          *   = other
      other = name:word [ "=" value:word ]
      line m media = kind:Kind
      enum Kind : word = "audio" / "video"
      attribute mid at media = tag:word
      attribute rtcp-mux at media
      statuses
          180 "Ringing"
      """)
    #expect(compilation.renderedDiagnostics == "")
    #expect(
      compilation.dictionaryText() == """
        "; "
        "SIP/"
        "SIP/2.0 180 "
        "SIP/now;ttl=7"
        "Via: "
        "a=mid:"
        "a=rtcp-mux"
        "audio"
        "m="
        "now"
        "ttl"
        "v: "
        "video"

        """)
  }

  @Test("elements with their namespaces, and bytes that cannot be printed")
  func elementsAndSigns() {
    let compilation = compiled(
      """
      namespace j = "urn:j"
      element j:j root
          @id:UInt8
      header A = x:word %x0D.0A
      word = 1*%x61-7A
      """)
    #expect(compilation.renderedDiagnostics == "")
    #expect(
      compilation.dictionaryText() == """
        "\\x0D\\x0A"
        " id='"
        "</j>"
        "<j xmlns='urn:j'>"
        "<j/>"
        "A: "

        """)
  }
}
