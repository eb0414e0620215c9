import Dispatch
import Logging

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension GatewayService {
  /// Serves until SIGTERM or SIGINT comes, then ends all calls and returns. `whenReady` gets the ready line as soon as
  /// every listener is bound; the log goes to standard error.
  public static func run(configuration: Configuration, whenReady: @Sendable (String) -> Void) async throws {
    // A client that goes away while we write to it is an error of that write.
    signal(SIGPIPE, SIG_IGN)
    let signals = TerminationSignals()
    var logger = Logger(label: "jingle-sip-gateway", factory: StreamLogHandler.standardError(label:))
    logger.logLevel = .info
    let service = try await start(configuration: configuration, logger: logger)
    whenReady(service.readyLine)
    await signals.wait()
    logger.info("ending all calls")
    try await service.shutDown()
  }
}

/// Waits for the first SIGTERM or SIGINT; the process does not end by them any more.
private struct TerminationSignals: ~Copyable {
  private let stream: AsyncStream<Void>
  private let sources: [any DispatchSourceSignal]

  init() {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    self.stream = stream
    sources = [SIGTERM, SIGINT].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield() }
      source.activate()
      return source
    }
  }

  deinit { for source in sources { source.cancel() } }

  borrowing func wait() async {
    for await _ in stream { break }
  }
}
