extension Compilation {
  /// Markdown tables of what the generated areas declare.
  public func document() -> String {
    var text = ""
    let areas = generatedAreas
    if !areas.contains("mapping") {
      text += headerTable() + lineTable() + elementTable() + featureTable() + enumTable() + statusTable()
      text += toleranceTable(areas)
    }
    if let mapping { text += MappingEmitter(mapping: mapping, model: model).document() }
    if let signalling { text += SignallingEmitter(signalling: signalling, model: model).document() }
    return text
  }

  private func table(_ title: String, _ columns: [String], _ rows: [[String]]) -> String {
    if rows.isEmpty { return "" }
    func cell(_ text: String) -> String {
      text.split(separator: "\n").joined(separator: " ").replacing("|", with: "\\|")
    }
    var text =
      "## \(title)\n\n| \(columns.joined(separator: " | ")) |\n|\(columns.map { _ in "---" }.joined(separator: "|"))|\n"
    for row in rows { text += "| \(row.map(cell).joined(separator: " | ")) |\n" }
    return text + "\n"
  }

  /// The comment with the first example behind it.
  private func source(_ comment: String, _ examples: [Example]) -> String {
    guard let example = examples.first?.value else { return comment }
    return comment + (comment.isEmpty ? "" : "; ") + "such as " + (example.contains("`") ? example : "`\(example)`")
  }

  func fields(_ shape: Shape?) -> String {
    guard let shape else { return "–" }
    var parts = shape.fields.map { field -> String in
      let type = type(of: field)
      return "`\(field.label)`: \(type)\(field.isList ? "…" : field.isOptional ? "?" : "")"
    }
    if let params = shape.params {
      parts.append(
        "parameters " + params.rows.map { "`\($0.name)`\($0.requirement.mark)" }.joined(separator: " ")
          + (params.other == nil ? "" : " and others"))
    }
    return parts.joined(separator: ", ")
  }

  /// The type of a field as the tables name it.
  func type(of field: Field) -> String {
    switch field.type {
    case .text(let rule): rule.isAnonymous ? "text" : rule.name
    case .number(let number): "UInt\(number.bits)"
    case .enumeration(let value): value.name
    case .shape(let nested): nested.layout.name
    case .flag: "flag"
    }
  }

  private func headerTable() -> String {
    table(
      "Headers", ["header", "compact", "occurs", "fields", "type", "source"],
      model.headers.map { header in
        [
          "`\(header.name)`", header.compactForm ?? "",
          header.requirement + (header.isMany ? "many" : "once"),
          fields(header.shape), "`\(header.shape.typeName)`", source(header.shape.comment, header.examples),
        ]
      })
      + table(
        "Shapes", ["rule", "fields", "type", "source"],
        model.orderedShapes.filter {
          $0.source.hasPrefix("rule ") && $0.fills == nil && generatedAreas.contains($0.area)
        }.map {
          [$0.name, fields($0), "`\($0.typeName)`", $0.comment]
        })
  }

  private func lineTable() -> String {
    table(
      "Lines", ["line", "name", "fields", "type", "source"],
      model.lines.map { line in
        [
          "`\(Character(Unicode.Scalar(line.letter)))=`", line.name, fields(line.shape), "`\(line.shape.typeName)`",
          source(line.shape.comment, line.examples),
        ]
      })
      + table(
        "Attributes", ["attribute", "level", "fields", "type", "source"],
        model.attributes.map { attribute in
          [
            "`a=\(attribute.name)`", attribute.levels.joined(separator: ", "), fields(attribute.shape),
            attribute.shape == nil ? "flag" : "`\(attribute.typeName)`",
            source(attribute.comment, attribute.examples),
          ]
        })
  }

  private func elementTable() -> String {
    table(
      "Elements", ["element", "namespace", "attributes", "children", "type", "source"],
      model.orderedElements.map { element in
        let values =
          element.attributes.map {
            "`@\($0.name)`\($0.isOptional ? "?" : "")\($0.defaultValue.map { " = \($0)" } ?? "")"
          }
          + (element.text == nil ? [] : ["text"])
        let children = element.children.map { "`\($0.element.qualifiedName)`\($0.mark)" }
        return [
          "`\(element.name)`", "`\(element.namespace)`", values.joined(separator: " "), children.joined(separator: " "),
          "`\(element.typeName)`", element.comment,
        ]
      })
  }

  private func featureTable() -> String {
    table("Features", ["feature", "source"], model.features.map { ["`\($0.name)`", $0.comment] })
  }

  private func enumTable() -> String {
    table(
      "Enums", ["enum", "values", "others", "type", "source"],
      model.orderedEnums.filter { generatedAreas.contains($0.area) }.map { type in
        [
          type.name, type.cases.map { "`\($0.name)`" }.joined(separator: " "), type.isOpen ? "kept" : "refused",
          "`\(type.typeName)`", type.comment,
        ]
      })
  }

  private func statusTable() -> String {
    table("Status codes", ["code", "phrase"], model.statuses.map { [String($0.code), $0.phrase] })
  }

  private func toleranceTable(_ areas: Set<String>) -> String {
    table(
      "Tolerated deviations", ["rule", "where", "source"],
      (model.tokens.values.filter { !$0.tolerated.isEmpty && areas.contains($0.area) }.map {
        ($0.name, $0.position, $0.comment)
      } + model.tolerances.filter { areas.contains($0.area) }.map { ($0.owner, $0.position, $0.comment) })
      .sorted { ($0.0, $0.1.line) < ($1.0, $1.1.line) }.map { name, position, comment in
        let path = files[position.file].path.split(separator: "/").suffix(2).joined(separator: "/")
        return [name.hasPrefix("<") ? "`\(name)`" : name, "\(path):\(position.line)", comment]
      })
  }
}

extension ElementType.Child {
  /// How often it occurs, as it is declared.
  var mark: String {
    switch occurrence {
    case .one: ""
    case .optional: "?"
    case .many: "*"
    case .some: "+"
    }
  }
}

extension HeaderModel {
  /// In which messages it has to be, with a comma behind it.
  var requirement: String {
    let places = needs.map(\.name) + (isRequiredWithBody ? ["messages with a body"] : [])
    return isRequired ? "required, " : places.isEmpty ? "" : "required in \(places.joined(separator: ", ")), "
  }
}

extension ParameterTable.Requirement {
  var explanation: String {
    switch self {
    case .never: ""
    case .always: "required"
    case .when(let rule): "required where `\(rule.name)` matches"
    }
  }

  /// What the tables say of it, behind the name of the parameter.
  var mark: String {
    switch self {
    case .never: ""
    case .always: " (required)"
    case .when: " (required for some)"
    }
  }
}
