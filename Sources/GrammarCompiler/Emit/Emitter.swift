/// One source file that was made.
public struct GeneratedFile: Equatable, Sendable {
  public var name: String
  public var text: String
}

extension Compilation {
  /// The Swift sources of the target: a file for each grammar of the generated areas, and three that all share.
  ///
  /// The names depend on the names of the grammars only, so that a plugin knows them beforehand.
  public func emit() -> [GeneratedFile] {
    var files: [GeneratedFile] = []
    let head = "// Made by grammarc from the grammars; changes belong there.\n\n"
    let tokens = TokenEmitter()
    let elements = ElementEmitter(model: model, tokens: tokens)
    let hasTypes = !generatedAreas.contains("mapping")
    for (index, file) in self.files.enumerated() where generatedAreas.contains(file.area) {
      var text = SourceText()
      text.line("import CodecRuntime")
      if hasTypes { emitTypes(of: index, tokens, elements, to: &text) }
      files.append(GeneratedFile(name: Self.outputName(file), text: head + text.text))
    }
    var parts = ""
    var tables = ""
    if hasTypes {
      parts = PartsEmitter(model: model).emit()
      if !model.orderedElements.isEmpty { tables = elements.emitTables() }
      if !model.features.isEmpty { tables += elements.emitFeatures() }
    }
    files.append(GeneratedFile(name: "GeneratedParts.swift", text: head + parts))
    files.append(GeneratedFile(name: "GeneratedElements.swift", text: head + tables))
    if hasTypes {
      for reference in model.framing {
        let key = reference.name.lowercased()
        guard let token = model.tokens[key] else { continue }
        if model.stepping.contains(key) {
          tokens.addStepper(token)
        } else {
          _ = tokens.function(token)
        }
      }
    }
    files.append(GeneratedFile(name: "GeneratedTokens.swift", text: head + (hasTypes ? tokens.emit() : "")))
    var mappingText = ""
    if let mapping {
      for file in MappingEmitter(mapping: mapping, model: model).emit() { mappingText += file.text }
    }
    files.append(GeneratedFile(name: "GeneratedMapping.swift", text: head + mappingText))
    var signallingText = ""
    if let signalling {
      for file in SignallingEmitter(signalling: signalling, model: model).emit() { signallingText += file.text }
    }
    files.append(GeneratedFile(name: "GeneratedSignalling.swift", text: head + signallingText))
    return files
  }

  /// Names of the files that do not depend on a grammar's name.
  public static let sharedOutputNames = [
    "GeneratedParts.swift", "GeneratedElements.swift", "GeneratedTokens.swift", "GeneratedMapping.swift",
    "GeneratedSignalling.swift",
  ]

  /// `sip/via.grammar` → `Grammar-via.swift`.
  public static func outputName(_ file: SourceFile) -> String { "Grammar-\(file.stem).swift" }

  private func emitTypes(
    of file: Int, _ tokens: TokenEmitter, _ elements: ElementEmitter, to text: inout SourceText
  ) {
    for type in model.orderedEnums.sorted(by: { $0.position < $1.position }) where type.position.file == file {
      text.line()
      EnumEmitter(tokens: tokens).emit(type, to: &text)
    }
    let parsers = ParserEmitter(tokens: tokens, model: model)
    let writers = WriterEmitter(model: model)
    for shape in model.orderedShapes.sorted(by: { $0.position < $1.position }) where shape.position.file == file {
      let type = shape.layout.typeName
      text.line()
      if shape.fills == nil {
        TypeEmitter().emit(shape, to: &text)
        text.line()
      }
      text.block("extension \(type)") { text in
        parsers.emit(shape, to: &text)
        guard shape.fills == nil else { return }
        text.line()
        writers.emit(shape, to: &text)
        text.line()
        DraftEmitter(tokens: tokens).emit(shape, to: &text)
      }
    }
    for element in model.orderedElements where element.position.file == file {
      text.line()
      elements.emit(element, to: &text)
    }
  }
}
