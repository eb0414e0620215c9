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

  /// One for the address 127.0.0.1 and for no name, of which somebody could say that it is another's.
  private static let addressCertificate = """
    -----BEGIN CERTIFICATE-----
    MIIBkDCCATagAwIBAgIUN58QRtuMfXt6pDQkZPxyIHlCgwUwCgYIKoZIzj0EAwIw
    FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE4MDIwOVoYDzIxMjYxMDMw
    MTgwMjA5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
    PQMBBwNCAAT9fm7bfupKI4TQbY7GkEUABlpZNP+xVZ9sy41LDk5ig2m9w1hdvPHB
    ONMhnCdJOCIfrRlUSHd5l5rpqox1N4Jfo2QwYjAdBgNVHQ4EFgQUkEwCThcvMu3k
    gDqACu2kS+ahfW8wHwYDVR0jBBgwFoAUkEwCThcvMu3kgDqACu2kS+ahfW8wDwYD
    VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
    IBmTPHpUhfHz3qwlTuzI/t13VmtFpLbyrRo6Bd+f2hThAiEAgdyLDenWqq2cyYzt
    ldZ5og7GA01v6QRb4iWPcIPA2Dg=
    -----END CERTIFICATE-----
    """

  private static let addressKey = """
    -----BEGIN PRIVATE KEY-----
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgprj5Auf02Q976cOS
    Feb96ZrIdtxUaeqRsAj7BDYE6QWhRANCAAT9fm7bfupKI4TQbY7GkEUABlpZNP+x
    VZ9sy41LDk5ig2m9w1hdvPHBONMhnCdJOCIfrRlUSHd5l5rpqox1N4Jf
    -----END PRIVATE KEY-----
    """

  /// For those who trust the certificates of this file.
  public static func client() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .certificates(
      try NIOSSLCertificate.fromPEMBytes(Array("\(certificate)\n\(addressCertificate)".utf8)))
    return try NIOSSLContext(configuration: configuration)
  }

  /// For those who have the certificate for `localhost`.
  public static func server() throws -> NIOSSLContext { try server(certificate, privateKey) }

  /// For those who have the one for 127.0.0.1.
  public static func addressServer() throws -> NIOSSLContext { try server(addressCertificate, addressKey) }

  private static func server(_ certificate: String, _ privateKey: String) throws -> NIOSSLContext {
    let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map {
      NIOSSLCertificateSource.certificate($0)
    }
    let key = try NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem)
    return try NIOSSLContext(
      configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
  }
}
