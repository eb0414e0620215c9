import GrammarCompiler

/// A small SDP, a small Jingle and the mapping between them, which the tests of the mapping break.
enum MappingSample {
  static let sdpGrammar = """
    token = 1*%x41-5A
    word  = 1*( %x61-7A / %x30-39 / "-" )
    SP    = %x20
    line v version = value:UInt8
    line m media = kind:word SP port:UInt16 1*( SP formats:word )
    attribute mid at media = tag:word
    attribute rtpmap at media = payloadType:UInt8 SP encoding:word
    attribute setup at session media = role:Role
    attribute mux at media
    attribute sendonly at media
    attribute recvonly at media
    attribute label at session media = value:word
    enum Role : word = "active" / "passive"
    line-order = %s"v" *%s"a" *( %s"m" *%s"a" )
    framing line-order token

    """

  static let jingleGrammar = """
    namespace j = "urn:j"
    element j:j root
        @action:Action
        contents <j:content>*
    enum Action : text = %s"start" / %s"stop"
    element j:content
        @name:text
        @senders:Senders?
        @kind:text
        types <j:type>+
        @setup:Setup?
        mux <j:mux>?
    enum Senders : text = %s"initiator" / %s"responder"
    enum Setup : text = %s"active" / %s"passive"
    element j:type
        @id:UInt8
        @name:text?
    element j:mux

    """

  static let mappingGrammar = """
    table direction
        sdp           sendonly   recvonly
        by initiator  initiator  responder
        by responder  responder  initiator
    map session <-> <j:j>
        version.value <- 0
        each section <-> <j:content>
        elsewhere @action "the stanza"
        lost label "none"
    map media <-> <j:content>
        mid.tag <-> @name
        media.kind <-> @kind
        elsewhere -> media.port "elsewhere"
        media.port <- function ports
        one of direction <-> @senders
        setup.role <-> @setup  from session
        mux <-> <j:mux>
        each media.formats <-> <j:type>
            item <-> @id
            rtpmap by payloadType <-> here
                encoding <-> @name
        lost label "none"
    ; The ports that we have
    function ports
        media.port <- nothing

    """

  /// What the mapping becomes.
  static func emitted() -> String {
    let files = [
      SourceFile(path: "sdp.grammar", area: "sdp", text: sdpGrammar),
      SourceFile(path: "jingle.grammar", area: "jingle", text: jingleGrammar),
      SourceFile(path: "media.grammar", area: "mapping", text: mappingGrammar),
    ]
    let emitted = Compilation(files: files, generating: ["mapping"]).emit()
    return emitted.first { $0.name == "GeneratedMapping.swift" }?.text ?? ""
  }

  /// What is said of the mapping.
  static func diagnostics(
    _ mapping: String, sdp: String = MappingSample.sdpGrammar, jingle: String = MappingSample.jingleGrammar
  ) -> String {
    let files = [
      SourceFile(path: "sdp.grammar", area: "sdp", text: sdp),
      SourceFile(path: "jingle.grammar", area: "jingle", text: jingle),
      SourceFile(path: "media.grammar", area: "mapping", text: mapping),
    ]
    return Compilation(files: files, generating: ["mapping"]).renderedDiagnostics
  }
}
