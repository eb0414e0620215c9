#if canImport(Glibc)
  import Glibc
#endif

/// What libFuzzer calls with each input. The environment says which target it is for: FUZZ_TARGET=sip.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  do {
    try chosenTarget.check(Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    print("violated: \(error)")
    fflush(nil)
    abort()
  }
  return 0
}

private let chosenTarget: FuzzTarget = {
  guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name)) else {
    print("FUZZ_TARGET has to be one of: \(FuzzTarget.allCases.map(\.rawValue).joined(separator: " "))")
    fflush(nil)
    exit(64)
  }
  return target
}()
