import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Host names to addresses with the C library's `getaddrinfo`, which may take seconds and so runs on NIO's thread pool,
/// never on an event loop.
public enum NameResolver {
  /// The addresses of `host`, in the order that the system prefers (RFC 6724); never empty. A literal address, in
  /// brackets or not, is answered without asking anybody.
  ///
  /// Fails with ``SIPTransportError/nameNotResolved(host:reason:)``.
  public static func resolve(
    host: String, port: UInt16, transport: TransportKind, on eventLoop: any EventLoop,
    threadPool: NIOThreadPool = .singleton
  ) -> EventLoopFuture<[TransportAddress]> {
    if let address = IPAddress(host) {
      return eventLoop.makeSucceededFuture([TransportAddress(transport: transport, address: address, port: port)])
    }
    return threadPool.runIfActive(eventLoop: eventLoop) {
      try addresses(of: host).map { TransportAddress(transport: transport, address: $0, port: port) }
    }
  }

  /// Asks the C library; blocks.
  private static func addresses(of host: String) throws -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    #else
      hints.ai_socktype = Int32(SOCK_DGRAM)
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &list)
    guard status == 0 else {
      let reason = gai_strerror(status).map { String(cString: $0) } ?? "error \(status)"
      throw SIPTransportError.nameNotResolved(host: host, reason: reason)
    }
    defer { freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var entry = list
    while let current = entry {
      if let address = address(of: current.pointee), !addresses.contains(address) { addresses.append(address) }
      entry = current.pointee.ai_next
    }
    if addresses.isEmpty { throw SIPTransportError.nameNotResolved(host: host, reason: "no IP address") }
    return addresses
  }

  private static func address(of entry: addrinfo) -> IPAddress? {
    guard let socketAddress = entry.ai_addr else { return nil }
    // sockaddr is only the head of the larger structures, so the memory is read raw.
    let memory = UnsafeRawPointer(socketAddress)
    switch entry.ai_family {
    case AF_INET where entry.ai_addrlen >= socklen_t(MemoryLayout<sockaddr_in>.size):
      return IPAddress(ipv4: UInt32(bigEndian: memory.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
    case AF_INET6 where entry.ai_addrlen >= socklen_t(MemoryLayout<sockaddr_in6>.size):
      var address = memory.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      return IPAddress(networkBytes: withUnsafeBytes(of: &address) { Array($0) })
    default:
      return nil
    }
  }
}
