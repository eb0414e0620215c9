/// At which level each line of SDP can stand.
enum SDPLevels {
  /// All lines and attributes, lines first, in the order of the grammars.
  static func lines(of model: Model) -> [SDPLine] {
    let (session, media) = letters(of: model)
    var result: [SDPLine] = []
    for line in model.lines {
      var levels: Set<SDPLevel> = []
      if session.contains(line.letter) { levels.insert(.session) }
      if media.contains(line.letter) { levels.insert(.media) }
      result.append(
        SDPLine(
          name: line.name, shown: "\(Character(Unicode.Scalar(line.letter)))=", slot: line.slot, shape: line.shape,
          levels: levels, isAttribute: false, position: line.position))
    }
    for attribute in model.attributes {
      // The name of a line means the line.
      let isTaken = model.lines.contains { $0.name == attribute.name }
      result.append(
        SDPLine(
          name: isTaken ? attribute.name + "-attribute" : attribute.name, shown: "a=\(attribute.name)",
          slot: attribute.slot, shape: attribute.shape,
          levels: Set(attribute.levels.compactMap(SDPLevel.init(rawValue:))), isAttribute: true,
          position: attribute.position))
    }
    return result
  }

  /// The letters of session and of media level, as the rule `line-order` has them: what can come behind `m` is of
  /// media level. Without that rule every line may stand at both levels, but for `m`.
  private static func letters(of model: Model) -> (session: Set<UInt8>, media: Set<UInt8>) {
    let m = UInt8(ascii: "m")
    guard let rule = model.tokens["line-order"] else {
      let all = Set(model.lines.map(\.letter))
      return (all.subtracting([m]), all)
    }
    let automaton = rule.automaton
    let letters = model.lines.map(\.letter) + [UInt8(ascii: "a")]
    var session: Set<UInt8> = []
    var media: Set<UInt8> = [m]
    var seen: Set<[Int]> = []
    var stack: [(state: Int, isMedia: Bool)] = [(0, false)]
    while let (state, isMedia) = stack.popLast() {
      guard seen.insert([state, isMedia ? 1 : 0]).inserted else { continue }
      for byte in letters {
        let next = automaton.next(state, byte)
        if next < 0 { continue }
        if byte == m {
          stack.append((next, true))
        } else {
          if isMedia { media.insert(byte) } else { session.insert(byte) }
          stack.append((next, isMedia))
        }
      }
    }
    return (session, media)
  }

  /// Slots of the lines that every description needs, as the rule `line-order` has them, and of `m`, with which a
  /// section begins.
  static func demanded(of model: Model) -> Set<Int> {
    let automaton = model.tokens["line-order"]?.automaton
    let letters = model.lines.map(\.letter) + [UInt8(ascii: "a")]
    let demanded = model.lines.filter { line in
      if line.letter == UInt8(ascii: "m") { return true }
      guard let automaton else { return false }
      var seen: Set<Int> = [0]
      var stack = [0]
      while let state = stack.popLast() {
        if automaton.isAccepting[state] { return false }
        for byte in letters where byte != line.letter {
          let next = automaton.next(state, byte)
          if next >= 0, seen.insert(next).inserted { stack.append(next) }
        }
      }
      return true
    }
    return Set(demanded.map(\.slot))
  }
}
