import Testing

@testable import CodecRuntime

@Suite struct OutputTests {
  /// Numbers at which the way of writing them changes, in a buffer that has to grow and in one that has not.
  @Test(arguments: [1, 16, 512])
  func writesNumbers(capacity: Int) {
    var numbers: [UInt64] = [0, .max, UInt64(UInt32.max)]
    var power: UInt64 = 1
    for _ in 0..<19 {
      power *= 10
      numbers += [power - 1, power, power + 1, power / 10 * 7 + 3]
    }
    numbers.append(10_000_000_000_000_000_000)
    for number in numbers {
      var output = Output(capacity: capacity)
      output.append(decimal: number)
      #expect(output.string == String(number))
      output.append(decimal: number, then: 0x20)
      #expect(output.string == "\(number)\(number) ")
    }
  }

  /// Short and long texts of an arena, with a separator and without, to the end of the arena's bytes.
  @Test(arguments: [1, 16, 512])
  func writesTexts(capacity: Int) {
    let letters = String((0..<64).map { Character(UnicodeScalar(UInt8(0x30 + $0))) })
    var tape = Tape()
    tape.append(letters)
    let arena = tape.finish()
    for length in 0...64 {
      for start in [0, 64 - length] {
        let slice = Slice(offset: UInt32(start), length: UInt32(length))
        let text = String(letters.dropFirst(start).prefix(length))
        var output = Output(capacity: capacity)
        output.append(arena, slice)
        #expect(output.string == text)
        output.append(arena, slice, then: 0x2C)
        output.append(arena, slice)
        #expect(output.string == "\(text)\(text),\(text)")
      }
    }
    var output = Output(capacity: capacity)
    output.append(arena, .absent)
    output.append(arena, .absent, then: 0x2C)
    #expect(output.string == ",")
  }
}
