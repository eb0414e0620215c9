import CodecRuntime

/// A value on its way from one protocol to the other.
enum Value {
  case text(Slice)
  case number(UInt64)
  /// A value of an enum: the number of a known one, or 0, and its text.
  case code(UInt32, Slice)
}

/// A value of an enum on its way: see ``Value/code(_:_:)``.
struct Code {
  var number: UInt32
  var text: Slice
}

/// A node that is being written.
struct Frame {
  var index: Int
  /// Kind of node: index into ``MappingTables/nodes``.
  var node: Int
  /// Fields that are set, by their ordinal.
  var present: UInt64 = 0
  /// Something besides keys was written into it.
  var isUsed = false

  /// The place between lines: nothing is written into it.
  static let none = Frame(index: -1, node: -1)
}

/// A node that is being read.
struct Source {
  var index: Int
  var node: Int

  static let none = Source(index: -1, node: -1)
}

/// Translates one description: reads nodes of one arena and writes others.
///
/// What is written from what stands in the functions that are generated from the rows of the mapping grammars:
/// `sessionToJingle` and `sessionToSDP` begin them. Here is what these functions call.
///
/// One instance serves one translation; it is a class because it is large and handed on everywhere. Both sides share their bytes: a text that is not changed is not copied.
final class Engine {
  /// More m-lines or contents are refused.
  static let maximumMedia = 256
  /// Nodes beyond this size are refused: what a session says once may be written once for each medium.
  static let maximumWords = 1 << 20
  static let maximumLosses = 256
  /// So many are compared one by one: it is cheaper than hashing them.
  private static let comparedLosses = 16

  let tables = MappingTables.shared
  /// What is read. A description of the past may be read in place of it for a while.
  @exclusivity(unchecked) var arena: Arena
  /// How far its bytes lie behind their place on the tape.
  @exclusivity(unchecked) var delta: UInt32 = 0
  @exclusivity(unchecked) var tape: Tape
  let role: Role
  @exclusivity(unchecked) var state: MediaState
  /// Code of the Jingle action; 0 for an unknown one.
  @exclusivity(unchecked) var action: UInt32 = 0
  @exclusivity(unchecked) var losses: [Loss] = []
  @exclusivity(unchecked) private var knownLosses: Set<Loss> = []
  /// Notes that were among them, a bit each; those from the 128th on are compared as losses.
  @exclusivity(unchecked) private var knownNotes: (UInt64, UInt64) = (0, 0)
  /// Key of the item around: a payload type or a source.
  @exclusivity(unchecked) var key: UInt64 = 0
  /// Which slot is being translated.
  @exclusivity(unchecked) var slot = 0
  /// SDP is written: there a digest of all that was written tells whether the description has changed.
  @exclusivity(unchecked) var isToSDP = false
  @exclusivity(unchecked) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
  /// It cannot go on.
  @exclusivity(unchecked) var failure: MappingFailure?

  // Towards Jingle.
  let session: LineIndex
  let section: LineIndex
  @exclusivity(unchecked) var sectionFacts = SectionFacts()
  @exclusivity(unchecked) var pendingSections: [Int] = []
  /// The session had no contents before.
  @exclusivity(unchecked) var isFirst = true
  /// For each of them its slot, `nil` where there is none, and what it is.
  @exclusivity(unchecked) var assignments: [(slot: Int?, facts: SectionFacts)] = []
  /// The payload types and sources of the section that rows went through.
  @exclusivity(unchecked) var sectionKeys = KeySet()
  @exclusivity(unchecked) var sid: String?
  @exclusivity(unchecked) var isFragment = false
  /// What is read is printable ASCII in lines: XML can hold each of its texts.
  @exclusivity(unchecked) var isPlain = true

  // Towards SDP.
  @exclusivity(unchecked) var content = ContentFacts()
  /// Valueless lines that the section has.
  @exclusivity(unchecked) var marks: [Int] = []
  /// Only these lines are written, or all but these.
  @exclusivity(unchecked) var lineFilter: LineFilter?
  @exclusivity(unchecked) var accumulated: Value?
  /// The description that rows entered last.
  @exclusivity(unchecked) var lastDescription = -1
  /// Contents of the stanza, by slot.
  @exclusivity(unchecked) var pendingContents: [Int?] = []
  /// The description that has the transport, where it is not that of the content around.
  @exclusivity(unchecked) var transportSource: MediaState.Description?
  /// Arenas whose bytes lie behind those of the input.
  @exclusivity(unchecked) var appended: [(arena: Arena, delta: UInt32)] = []
  /// Node of `o=`, whose version is known at the end; −1 where there is none.
  @exclusivity(unchecked) var originLine = -1
  /// The initiator's JID.
  @exclusivity(unchecked) var initiator: Slice?

  init(reading arena: Arena, by role: Role, state: MediaState) {
    self.arena = arena
    self.role = role
    self.state = state
    tape = Tape(sharingBytesOf: arena, expectedWords: arena.wordCount + 256, expectedBytes: 1024)
    session = LineIndex(lastSlot: MappingTables.lastSlot)
    section = LineIndex(lastSlot: MappingTables.lastSlot)
  }

  /// Hands the result out; the engine is of no use any more.
  func finish() -> Translation {
    var result = Tape()
    swap(&result, &tape)
    return Translation(arena: result.finish(), losses: losses)
  }

  // MARK: Losses

  func lose(_ name: String, _ reason: String) { lose(Loss(name: name, reason: reason)) }

  private func lose(_ loss: Loss) {
    if losses.count < Self.comparedLosses {
      if !losses.contains(loss) { losses.append(loss) }
      return
    }
    guard losses.count < Self.maximumLosses else { return }
    if knownLosses.isEmpty { knownLosses = Set(losses) }
    if knownLosses.insert(loss).inserted { losses.append(loss) }
  }

  /// What the rows say is lost, by the numbers of ``MappingTables/notes``.
  private static let noteLosses: [Loss] = (0..<MappingTables.shared.notes.count).map { number in
    let note = MappingTables.shared.notes[number]
    return Loss(name: "\(note.name)", reason: "\(note.reason)")
  }

  /// What a row says is lost, by its number in ``MappingTables/notes``. Lines repeat, and so do these.
  func lose(note: Int) {
    let bit: UInt64 = 1 << UInt64(note & 63)
    if note < 64 {
      if knownNotes.0 & bit != 0 { return }
      knownNotes.0 |= bit
    } else if note < 128 {
      if knownNotes.1 & bit != 0 { return }
      knownNotes.1 |= bit
    }
    lose(Self.noteLosses[note])
  }

  // MARK: Reading

  @inline(__always)
  func slice(at index: Int) -> Slice {
    let slice = arena.slice(at: index)
    return slice.isAbsent ? slice : Slice(offset: slice.offset &+ delta, length: slice.length)
  }

  /// Whether a field is there.
  @inline(__always)
  func isPresent(_ field: Int, in node: Int) -> Bool {
    let mask = tables.fields[field].mask
    return mask == 0 || arena.word(node + 1) & mask == tables.fields[field].bits
  }

  /// The value of a field or attribute; `nil` where it is not there.
  func read(_ index: Int, in node: Int) -> Value? {
    guard index >= 0, node >= 0, isPresent(index, in: node) else { return nil }
    let field = tables.fields[index]
    let word = node + 1 + field.word
    switch field.kind {
    case .text: return .text(slice(at: word))
    case .number: return .number(UInt64(arena.word(word)))
    case .wide: return .number(arena.wide(at: word))
    case .enumeration: return .code(arena.word(word), slice(at: word + 1))
    case .flag: return .number(1)
    case .list, .choice: return nil
    }
  }

  func read(_ index: Int, in node: Int?) -> Value? { node.flatMap { read(index, in: $0) } }

  /// The code of an enum as the other protocol has it: `codes` says which becomes which. Other values are looked at as
  /// the rule says.
  @inline(__always)
  func code(_ word: Int, _ codes: StaticString, _ rule: Int) -> Code? {
    let code = Int(arena.word(word))
    if code < codes.utf8CodeUnitCount, codes.utf8Start[code] > 0 {
      return Code(number: UInt32(codes.utf8Start[code]), text: .absent)
    }
    return unusualCode(word, rule)
  }

  @inline(never)
  private func unusualCode(_ word: Int, _ rule: Int) -> Code? {
    let value = Value.code(arena.word(word), slice(at: word + 1))
    guard case .code(let code, let text)? = isToSDP ? allowed(value, rule) : translated(value, rule) else { return nil }
    return Code(number: code, text: text)
  }

  func number(_ field: Int, in node: Int) -> UInt64? {
    if case .number(let number)? = read(field, in: node) { return number }
    return nil
  }

  func text(_ field: Int, in node: Int) -> Slice? {
    switch read(field, in: node) {
    case .text(let slice), .code(_, let slice): slice
    default: nil
    }
  }

  /// The text of an enum's value: its name, if it is a known one.
  @inline(__always)
  func text(ofCode word: Int, _ enumeration: Int) -> Slice {
    let code = Int(arena.word(word))
    let slice = slice(at: word + 1)
    if code == 0 || code > tables.enums[enumeration].names.count { return slice }
    let name = tables.enums[enumeration].names[code - 1]
    return equals(slice, name) && !slice.isAbsent ? slice : append(name)
  }

  /// Whether the value of an enum is this one.
  @inline(__always)
  func isCode(_ word: Int, _ code: UInt32, _ name: StaticString) -> Bool {
    let value = arena.word(word)
    return value == code || value == 0 && equals(slice(at: word + 1), name)
  }

  func code(_ field: Int, in node: Int) -> UInt32 {
    if case .code(let code, _)? = read(field, in: node) { return code }
    return 0
  }

  func string(_ slice: Slice) -> String { tape.withBytes(of: slice) { String(decoding: $0, as: UTF8.self) } }

  func equals(_ slice: Slice, _ text: StaticString) -> Bool {
    guard Int(slice.length) == text.utf8CodeUnitCount else { return false }
    return tape.withBytes(of: slice) { bytes in
      for index in 0..<bytes.count where bytes[index] != text.utf8Start[index] { return false }
      return true
    }
  }

  /// Children of `source` with the slot of `node`, one after the other: the first one at or behind `position`.
  @inline(__always)
  func nextChild(_ slot: UInt32, from position: inout Int, to end: Int) -> Int? {
    while position < end {
      let index = position
      position = arena.end(of: index)
      if arena.slot(of: index) == slot { return index }
    }
    return nil
  }

  func firstChild(_ node: Int, of source: Source) -> Int? {
    guard source.index >= 0, source.node >= 0 else { return nil }
    var position = source.index + 1 + tables.nodes[source.node].fixedWords
    return nextChild(tables.nodes[node].slot, from: &position, to: arena.end(of: source.index))
  }

  /// The bounds of the children of a node.
  func children(of source: Source) -> (start: Int, end: Int) {
    (source.index + 1 + tables.nodes[source.node].fixedWords, arena.end(of: source.index))
  }

  // MARK: Writing

  func open(_ node: Int) -> Frame {
    if tape.wordCount > Self.maximumWords { failure = .tooLarge }
    mix(UInt64(node))
    return Frame(index: tape.open(tables.nodes[node].slot, fixedWords: tables.nodes[node].fixedWords), node: node)
  }

  func set(_ index: Int, _ value: Value, in frame: inout Frame) {
    guard index >= 0, frame.index >= 0 else { return }
    let field = tables.fields[index]
    let word = frame.index + 1 + field.word
    switch (field.kind, value) {
    case (.text, .text(let slice)):
      tape.set(word, slice)
      mix(slice)
    case (.number, .number(let number)):
      tape.set(word, UInt32(truncatingIfNeeded: number))
      mix(number)
    case (.wide, .number(let number)):
      tape.set(word, UInt32(truncatingIfNeeded: number))
      tape.set(word + 1, UInt32(truncatingIfNeeded: number >> 32))
      mix(number)
    case (.enumeration, .code(let code, let slice)):
      tape.set(word, code)
      tape.set(word + 1, slice)
      mix(UInt64(code))
      if code == 0 { mix(slice) }
    case (.flag, _): mix(1)
    default: return
    }
    if field.mask != 0 { tape.mark(frame.index + 1, field.bits) }
    frame.present |= 1 << UInt64(field.ordinal & 63)
  }

  /// Ends a node if all is there that has to be; else takes it back and returns `false`.
  ///
  /// An optional part of which only something is there is taken back by itself.
  @inline(never)
  func close(_ frame: Frame) -> Bool {
    for position in tables.nodes[frame.node].required {
      let field = tables.fields[tables.required[position]]
      let state = tables.nodes[frame.node].fixedWords > 0 ? tape.word(frame.index + 1) : 0
      if field.kind == .choice {
        if state & field.mask == field.bits, state & UInt32(truncatingIfNeeded: field.word) == 0 {
          return drop(frame, field)
        }
        continue
      }
      if frame.present & (1 << UInt64(field.ordinal & 63)) != 0 { continue }
      // Attributes of Jingle have a bit of their own; whether they are required is what the table says.
      if field.mask == 0 || isAttribute(frame.node) { return drop(frame, field) }
      guard state & field.mask == field.bits else { continue }
      lose("\(tables.nodes[frame.node].name)", "it lacks its \(field.name)")
      tape.set(frame.index + 1, state & ~field.mask)
    }
    tape.close(frame.index)
    return true
  }

  private func isAttribute(_ node: Int) -> Bool { tables.nodes[node].name.utf8Start[0] == 0x3C }

  private func drop(_ frame: Frame, _ field: Field) -> Bool {
    tape.rewind(to: frame.index)
    if frame.isUsed { lose("\(tables.nodes[frame.node].name)", "it lacks its \(field.name)") }
    return false
  }

  /// Says that a list of `frame` has got an item of the kind `item`.
  func markList(_ item: Int, in frame: inout Frame) {
    guard frame.node >= 0 else { return }
    let slot = Int(tables.nodes[item].slot)
    for position in tables.nodes[frame.node].required {
      let field = tables.fields[tables.required[position]]
      if field.kind == .list, field.word == slot {
        frame.present |= 1 << UInt64(field.ordinal & 63)
        if field.mask != 0 { tape.mark(frame.index + 1, field.bits) }
      }
    }
  }

  // MARK: Digest

  @inline(__always)
  func mix(_ value: UInt64) {
    guard isToSDP else { return }
    digest = (digest ^ value) &* 0x9E37_79B9_7F4A_7C15
    digest ^= digest >> 29
  }

  func mix(_ slice: Slice) { if isToSDP { mix(hash(slice)) } }

  /// A hash of the bytes, the same in every process.
  func hash(_ slice: Slice) -> UInt64 {
    tape.withBytes(of: slice) { bytes in
      var result: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
      var index = 0
      while index + 8 <= bytes.count {
        let chunk = UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped + index).loadUnaligned(as: UInt64.self)
        result = (result ^ chunk) &* 0x9E37_79B9_7F4A_7C15
        result ^= result >> 32
        index += 8
      }
      while index < bytes.count {
        result = (result ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3
        index += 1
      }
      return result ^ (result >> 31)
    }
  }
}
