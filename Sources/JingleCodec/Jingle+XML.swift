import CodecRuntime

/// A Jingle element that was read, with what is wrong in it.
public typealias JingleReading = ElementReading<Jingle>

extension ElementReading<Jingle> {
  public var jingle: Jingle { element }
}
