import NIOSSL

/// A certificate for `localhost`, and for no address, that certifies itself, valid until 2126. Its key is known to everybody.
public enum TestCertificate {
  public static let certificate = """
    -----BEGIN CERTIFICATE-----
    MIIBljCCATugAwIBAgIUWvpPNUdkZiO5wDQsdeoH2yPZHw4wCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE0NDMyMloYDzIxMjYxMDMw
    MTQ0MzIyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
    PQMBBwNCAAQ8e04eFmJtrTQQSDk/X0Wa7PSErAfe/4mOy9xhrDV5E529LER+9nSW
    i5KX8VWgqHo09ciD+yj7+It27v9Hk0uNo2kwZzAdBgNVHQ4EFgQUWXOt//Y1g/+n
    sPfLZcuHzYo2OI8wHwYDVR0jBBgwFoAUWXOt//Y1g/+nsPfLZcuHzYo2OI8wDwYD
    VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
    SQAwRgIhAJY++vlODwKFoaTDSS2J+wYHX93pOsOc9/3sjWY/c1CfAiEA47uUjJZy
    paEBW8Hor29OkQTPrT7QuwiS8vzZXuJHJ9I=
    -----END CERTIFICATE-----
    """

  public static let privateKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgj+Bk78WbZK0z5Xj8
    Po7qyg1S66SCnvdYYjwXW8vCNwKhRANCAAQ8e04eFmJtrTQQSDk/X0Wa7PSErAfe
    /4mOy9xhrDV5E529LER+9nSWi5KX8VWgqHo09ciD+yj7+It27v9Hk0uN
    -----END PRIVATE KEY-----
    """

  /// For those who trust this certificate.
  public static func client() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)))
    return try NIOSSLContext(configuration: configuration)
  }

  /// For those who have this certificate.
  public static func server() throws -> NIOSSLContext {
    let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map {
      NIOSSLCertificateSource.certificate($0)
    }
    let key = try NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem)
    return try NIOSSLContext(
      configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
  }
}
