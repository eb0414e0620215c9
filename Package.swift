// swift-tools-version: 6.1
import PackageDescription

// The compiler of the grammars needs less than a second as it is, and optimising it would take most of a clean release
// build. File by file, because SwiftPM has tools built once for the plugin and once more for the build: the second time
// nothing is left to do. SwiftPM refuses such flags in a package that others depend on by version; there it is optimised.
let isDependency = ["/checkouts/", "/registry/"].contains { Context.packageDirectory.contains($0) }
let compilerSettings: [SwiftSetting] =
  isDependency
  ? [] : [.unsafeFlags(["-Onone", "-no-whole-module-optimization", "-incremental"], .when(configuration: .release))]
// As C compilers do at -O2, the codecs leave out the frame pointers that SwiftPM keeps on Linux: their functions are small,
// and are called a hundred times for a message. SwiftPM says `-Xcc -fno-omit-frame-pointer` behind the settings of a
// target, so this is said to the part of clang that hears it last. A package that depends on this one builds with
// `--omit-frame-pointers`.
let withoutFramePointers = ["-Xcc", "-Xclang", "-Xcc", "-mframe-pointer=none"]
let codecSettings: [SwiftSetting] =
  isDependency ? [] : [.unsafeFlags(withoutFramePointers, .when(configuration: .release))]

let package = Package(
  name: "jingle-sip-gateway",
  products: [
    .executable(name: "jingle-sip-gateway", targets: ["jingle-sip-gateway"]),
    .executable(name: "codec-benchmarks", targets: ["codec-benchmarks"]),
    .executable(name: "grammarc", targets: ["grammarc"]),
    .plugin(name: "GenerateCodecs", targets: ["GenerateCodecs"]),
    .library(name: "CodecRuntime", targets: ["CodecRuntime"]),
    .library(name: "SIPCodec", targets: ["SIPCodec"]),
    .library(name: "SDPCodec", targets: ["SDPCodec"]),
    .library(name: "JingleCodec", targets: ["JingleCodec"]),
    .library(name: "JingleSIPMapping", targets: ["JingleSIPMapping"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    // From grammar to code: used at build only.
    .target(name: "GrammarCompiler", swiftSettings: compilerSettings),
    .executableTarget(name: "grammarc", dependencies: ["GrammarCompiler"], swiftSettings: compilerSettings),
    .plugin(name: "GenerateCodecs", capability: .buildTool(), dependencies: ["grammarc"]),

    // The codecs: generated from Grammars/, standing on CodecRuntime, depending on nothing else.
    .target(name: "CodecRuntime", swiftSettings: codecSettings),
    .target(
      name: "SIPCodec", dependencies: ["CodecRuntime"], swiftSettings: codecSettings, plugins: ["GenerateCodecs"]),
    .target(
      name: "SDPCodec", dependencies: ["CodecRuntime"], swiftSettings: codecSettings, plugins: ["GenerateCodecs"]),
    .target(
      name: "JingleCodec", dependencies: ["CodecRuntime"], swiftSettings: codecSettings, plugins: ["GenerateCodecs"]),
    .target(
      name: "JingleSIPMapping", dependencies: ["CodecRuntime", "SIPCodec", "SDPCodec", "JingleCodec"],
      swiftSettings: codecSettings, plugins: ["GenerateCodecs"]),

    // The stacks: values without I/O, and the sockets around them.
    .target(
      name: "SIPStack",
      dependencies: [
        "CodecRuntime", "SIPCodec",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ]),
    .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .target(name: "XMLReader", dependencies: ["CLibXML2", "CodecRuntime"], swiftSettings: codecSettings),
    .target(
      name: "XMPPStack",
      dependencies: [
        "CodecRuntime", "XMLReader",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),

    // The gateway.
    .target(
      name: "Gateway",
      dependencies: [
        "CodecRuntime", "SIPCodec", "SDPCodec", "JingleCodec", "JingleSIPMapping", "SIPStack", "XMLReader",
        "XMPPStack",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ]),
    .executableTarget(
      name: "jingle-sip-gateway",
      dependencies: [
        "Gateway", "JingleSIPMapping", "XMLReader",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "codec-benchmarks",
      dependencies: ["SIPCodec", "SDPCodec", "JingleCodec", "JingleSIPMapping", "XMLReader"]),

    // For tests with TLS.
    .target(
      name: "TestCertificate", dependencies: [.product(name: "NIOSSL", package: "swift-nio-ssl")],
      path: "Tests/TestCertificate"),
    // For tests that ask the grammars.
    .target(name: "TestGrammars", dependencies: ["GrammarCompiler"], path: "Tests/TestGrammars"),
    .testTarget(name: "CodecRuntimeTests", dependencies: ["CodecRuntime"]),
    .testTarget(name: "XMLReaderTests", dependencies: ["CodecRuntime", "XMLReader"]),
    .testTarget(
      name: "XMPPStackTests",
      dependencies: [
        "CodecRuntime", "TestCertificate", "XMLReader", "XMPPStack",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    // Real messages from ../shared/corpus, where it is there.
    .testTarget(
      name: "CorpusTests", dependencies: ["CodecRuntime", "JingleCodec", "SDPCodec", "SIPCodec", "XMLReader"]),
    .testTarget(
      name: "JingleSIPMappingTests",
      dependencies: ["CodecRuntime", "JingleCodec", "JingleSIPMapping", "SDPCodec", "XMLReader"]),
    .testTarget(name: "JingleCodecTests", dependencies: ["CodecRuntime", "JingleCodec", "XMLReader"]),
    .testTarget(name: "GatewayTests", dependencies: ["Gateway", "JingleSIPMapping", "SIPStack"]),
    .testTarget(
      name: "GrammarCompilerTests", dependencies: ["GrammarCompiler", "TestGrammars"], exclude: ["Expected"]),
    // Values that chance takes from the grammars.
    .testTarget(
      name: "RoundTripTests",
      dependencies: [
        "CodecRuntime", "GrammarCompiler", "JingleCodec", "JingleSIPMapping", "SDPCodec", "SIPCodec", "TestGrammars",
        "XMLReader",
      ]),
    .testTarget(name: "SDPCodecTests", dependencies: ["CodecRuntime", "GrammarCompiler", "SDPCodec", "TestGrammars"]),
    .testTarget(name: "SIPCodecTests", dependencies: ["CodecRuntime", "GrammarCompiler", "SIPCodec", "TestGrammars"]),
    .testTarget(
      name: "SIPStackTests",
      dependencies: [
        "SIPStack", "TestCertificate",
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
