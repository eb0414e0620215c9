/// Shown each message that goes over the wire; `demo` prints them side by side. Called on the event loop.
public struct GatewayTrace: Sendable {
  public enum Side: Sendable { case xmpp, sip }
  public enum Direction: Sendable { case received, sent }

  public var message: @Sendable (Side, Direction, [UInt8]) -> Void

  public init(message: @escaping @Sendable (Side, Direction, [UInt8]) -> Void) { self.message = message }
}
