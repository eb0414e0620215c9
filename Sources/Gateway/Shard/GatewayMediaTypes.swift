import SIPCodec
import SIPStack

/// Bodies that the gateway reads and writes.
enum GatewayMediaTypes {
  /// RFC 8866 §8.1.
  static let sessionDescription = MediaType(type: "application", subtype: "sdp")
  /// RFC 8840 §9.2.
  static let trickleFragment = MediaType(type: "application", subtype: "trickle-ice-sdpfrag")
  /// RFC 8840 §10: the Info package of such a body, and its disposition.
  static let tricklePackage: StaticString = "trickle-ice"
}
