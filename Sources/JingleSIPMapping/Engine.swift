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
  @exclusivity(unchecked) var arena: Arena { didSet { nodes = NodeTable(arena) } }
  /// Its table.
  @exclusivity(unchecked) private(set) var nodes: NodeTable
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
  /// Memory for what is known of the lines.
  let lines: LineMemory
  @exclusivity(unchecked) var section: LineIndex
  var session: LineIndex { lines.session }
  /// A bit for each kind of lines that are looked up by a key, where those of the section are.
  @exclusivity(unchecked) var isKeyed = 0
  /// Lines whose keys are not small, sorted by key and then by place, those of one slot behind those of another.
  @exclusivity(unchecked) var otherLines: [OtherLine] = []
  @exclusivity(unchecked) var sectionFacts = SectionFacts()
  @exclusivity(unchecked) var pendingSections: [PendingSection]
  /// The session had no contents before.
  @exclusivity(unchecked) var isFirst = true
  /// The payload types of the section that rows went through.
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
  /// The element whose kinds of children were looked for last, and a bit for each of them.
  @exclusivity(unchecked) var lastElement = -1
  @exclusivity(unchecked) var lastParts: UInt64 = 0
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

  /// `sections` are those of a description, or none where a stanza is read.
  init(reading arena: Arena, sections: [PendingSection] = [], by role: Role, state: MediaState) {
    self.arena = arena
    nodes = NodeTable(arena)
    pendingSections = sections
    lines = LineMemory(sections: sections.count)
    section = lines.session
    self.role = role
    self.state = state
    tape = Tape(sharingBytesOf: arena, expectedWords: arena.wordCount + 256, expectedBytes: 1024)
  }

  deinit { lines.deallocate() }

  /// Hands the result out; the engine is of no use any more.
  func finish() -> Translation {
    var result = Tape()
    swap(&result, &tape)
    return Translation(arena: result.finish(), losses: losses)
  }

  // MARK: Losses

  /// What the grammars call a line or an element.
  func name(_ node: Int) -> String { "\(tables.nodes[node].name)" }

  func lose(_ name: String, _ reason: String) { lose(Loss(name: name, reason: reason)) }

  private func lose(_ loss: Loss) {
    if losses.count < Self.comparedLosses {
      if losses.isEmpty { losses.reserveCapacity(Self.comparedLosses) }
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
    let slice = nodes.slice(at: index)
    return slice.isAbsent ? slice : Slice(offset: slice.offset &+ delta, length: slice.length)
  }

  /// Whether a field is there.
  @inline(__always)
  func isPresent(_ field: Int, in node: Int) -> Bool {
    let mask = tables.fields[field].mask
    return mask == 0 || nodes.word(node + 1) & mask == tables.fields[field].bits
  }

  /// The value of a field or attribute; `nil` where it is not there.
  func read(_ index: Int, in node: Int) -> Value? {
    guard index >= 0, node >= 0, isPresent(index, in: node) else { return nil }
    let field = tables.fields[index]
    let word = node + 1 + field.word
    switch field.kind {
    case .text: return .text(slice(at: word))
    case .number: return .number(UInt64(nodes.word(word)))
    case .wide: return .number(nodes.wide(at: word))
    case .enumeration: return .code(nodes.word(word), slice(at: word + 1))
    case .flag: return .number(1)
    case .list, .choice: return nil
    }
  }

  func read(_ index: Int, in node: Int?) -> Value? { node.flatMap { read(index, in: $0) } }

  /// The code of an enum as the other protocol has it: `codes` says which becomes which. Other values are looked at as
  /// the rule says.
  @inline(__always)
  func code(_ word: Int, _ codes: StaticString, _ rule: Int) -> Code? {
    code(nodes.word(word), slice(at: word &+ 1), codes, rule)
  }

  @inline(__always)
  func code(_ number: UInt32, _ text: Slice, _ codes: StaticString, _ rule: Int) -> Code? {
    let code = Int(number)
    if code < codes.utf8CodeUnitCount, codes.utf8Start[code] > 0 {
      return Code(number: UInt32(codes.utf8Start[code]), text: .absent)
    }
    return unusualCode(number, text, rule)
  }

  @inline(never)
  private func unusualCode(_ number: UInt32, _ text: Slice, _ rule: Int) -> Code? {
    let value = Value.code(number, text)
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
    text(ofCode: nodes.word(word), slice(at: word &+ 1), enumeration)
  }

  @inline(__always)
  func text(ofCode number: UInt32, _ slice: Slice, _ enumeration: Int) -> Slice {
    let code = Int(number)
    let names = tables.enums.address(enumeration)
    if code == 0 || code > names.pointee.prepared.count { return slice }
    let name = names.pointee.prepared.address(code &- 1)
    return !slice.isAbsent && tape.holds(name.pointee, at: slice) ? slice : append(name.pointee.text)
  }

  /// Whether the value of an enum is this one.
  @inline(__always)
  func isCode(_ word: Int, _ code: UInt32, _ name: StaticString) -> Bool {
    isCode(nodes.word(word), slice(at: word &+ 1), code, name)
  }

  @inline(__always)
  func isCode(_ value: UInt32, _ text: Slice, _ code: UInt32, _ name: StaticString) -> Bool {
    value == code || value == 0 && equals(text, name)
  }

  func code(_ field: Int, in node: Int) -> UInt32 {
    if case .code(let code, _)? = read(field, in: node) { return code }
    return 0
  }

  func string(_ slice: Slice) -> String { tape.withBytes(of: slice) { String(decoding: $0, as: UTF8.self) } }

  func equals(_ slice: Slice, _ text: StaticString) -> Bool {
    guard Int(slice.length) == text.utf8CodeUnitCount else { return false }
    return tape.withBytes(of: slice) { isSame($0, text) }
  }

  func isSame(_ slice: Slice, _ string: String) -> Bool {
    guard string.utf8.count == Int(slice.length) else { return false }
    let result = string.utf8.withContiguousStorageIfAvailable { text in
      guard let start = text.baseAddress else { return text.isEmpty }
      return tape.withBytes(of: slice) { isSame($0, UnsafeRawPointer(start)) }
    }
    return result ?? (self.string(slice) == string)
  }

  @inline(__always)
  func isSame(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
    isSame(bytes, UnsafeRawPointer(text.utf8Start))
  }

  /// Whether the bytes are those of a text that is as long: two steps that may overlap are enough for most.
  @inline(__always)
  private func isSame(_ bytes: UnsafeBufferPointer<UInt8>, _ right: UnsafeRawPointer) -> Bool {
    guard let start = bytes.baseAddress else { return true }
    let left = UnsafeRawPointer(start)
    func differs<Word: FixedWidthInteger>(_ offset: Int, _: Word.Type) -> Bool {
      left.loadUnaligned(fromByteOffset: offset, as: Word.self)
        != right.loadUnaligned(fromByteOffset: offset, as: Word.self)
    }
    var size = bytes.count
    if size < 4 {
      while size > 0 {
        size &-= 1
        if differs(size, UInt8.self) { return false }
      }
      return true
    }
    if size < 8 { return !differs(0, UInt32.self) && !differs(size &- 4, UInt32.self) }
    while size > 8 {
      size &-= 8
      if differs(size, UInt64.self) { return false }
    }
    return !differs(0, UInt64.self)
  }

  /// Children of `source` with the slot of `node`, one after the other: the first one at or behind `position`.
  @inline(__always)
  func nextChild(_ slot: UInt32, from position: inout Int, to end: Int) -> Int? {
    while position < end {
      let index = position
      position = nodes.end(of: index)
      if nodes.slot(of: index) == slot { return index }
    }
    return nil
  }

  func firstChild(_ node: Int, of source: Source) -> Int? {
    guard source.index >= 0, source.node >= 0 else { return nil }
    var position = source.index + 1 + tables.nodes[source.node].fixedWords
    return nextChild(tables.nodes[node].slot, from: &position, to: nodes.end(of: source.index))
  }

  /// The bounds of the children of a node.
  func children(of source: Source) -> (start: Int, end: Int) {
    (source.index + 1 + tables.nodes[source.node].fixedWords, nodes.end(of: source.index))
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
    if !isToSDP { markAttributes(frame) }
    let hasState = tables.nodes[frame.node].fixedWords > 0
    for position in tables.nodes[frame.node].required {
      let number = tables.required[position]
      if frame.present & tables.fields[number].bit != 0 { continue }
      let state = hasState ? tape.word(frame.index + 1) : 0
      if tables.fields[number].kind == .choice {
        if tables.fields[number].isOpenChoice(state) { return drop(frame, tables.fields[number]) }
        continue
      }
      let field = tables.fields[number]
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

  func mix(_ slice: Slice) { if isToSDP { mix(quickHash(slice)) } }

  /// A hash for the digest, which is compared within a session only: of all of a short text, in few steps that may overlap.
  @inline(__always)
  func quickHash(_ slice: Slice) -> UInt64 {
    tape.withBytes(of: slice) { bytes in
      guard let start = bytes.baseAddress else { return 0 }
      let memory = UnsafeRawPointer(start)
      let size = bytes.count
      if size < 4 {
        return UInt64(start[0]) | UInt64(start[size / 2]) << 8 | UInt64(start[size - 1]) << 16 | UInt64(size) << 24
      }
      func half(_ offset: Int) -> UInt64 { UInt64(memory.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
      func step(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
      }
      if size < 8 { return step(UInt64(size), half(0) | half(size - 4) << 32) }
      var result = UInt64(size)
      var index = 0
      while index + 8 < size {
        result = step(result, memory.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index += 8
      }
      return step(result, memory.loadUnaligned(fromByteOffset: size - 8, as: UInt64.self))
    }
  }

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
