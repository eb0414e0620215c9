import NIOSSL
import SIPStack

/// What TLS needs, made of the files that the configuration names. A file that is no certificate, key or list of
/// authorities is a ``GatewayStartError`` with its key.
enum TLSContexts {
  /// For those who connect to us; who they are is told by passwords and addresses.
  static func server(_ files: TLSCertificate, section: [String]) throws -> NIOSSLContext {
    let (chain, key) = try identity(files, section)
    return try context(.makeServerConfiguration(certificateChain: chain, privateKey: key), section)
  }

  /// For SIP in both directions. `authorities` certify the proxies to which we connect; without, those do which the
  /// system trusts.
  static func sip(_ files: TLSCertificate, authorities: String?) throws -> SIPSecurity {
    let section = ["sip"]
    let (chain, key) = try identity(files, section)
    var client = TLSConfiguration.makeClientConfiguration()
    client.certificateChain = chain
    client.privateKey = key
    if let authorities {
      client.trustRoots = .certificates(
        try read(authorities, section + ["certificate_authorities"], "certificates") {
          try NIOSSLCertificate.fromPEMFile($0)
        })
    }
    return SIPSecurity(client: try context(client, section), server: try server(files, section: section))
  }

  private static func identity(
    _ files: TLSCertificate, _ section: [String]
  ) throws -> ([NIOSSLCertificateSource], NIOSSLPrivateKeySource) {
    let chain = try read(files.certificate, section + ["certificate"], "certificates") {
      try NIOSSLCertificate.fromPEMFile($0)
    }
    let key = try read(files.privateKey, section + ["private_key"], "private key") {
      try NIOSSLPrivateKey(file: $0, format: .pem)
    }
    return (chain.map { .certificate($0) }, .privateKey(key))
  }

  private static func read<Value>(
    _ path: String, _ key: [String], _ what: String, _ body: (String) throws -> Value
  ) throws -> Value {
    do {
      return try body(path)
    } catch {
      throw GatewayStartError(description: "\"\(path)\" has no \(what) in PEM form: \(error)", key: key)
    }
  }

  /// Fails where the key is not the one of the certificate.
  private static func context(_ configuration: TLSConfiguration, _ section: [String]) throws -> NIOSSLContext {
    var configuration = configuration
    configuration.minimumTLSVersion = .tlsv12
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw GatewayStartError(
        description: "`certificate` and `private_key` do not go together: \(error)", key: section + ["certificate"])
    }
  }
}
