import CodecRuntime
import Crypto

/// What disco#info says of our own addresses (XEP-0030 §3), and its hash (XEP-0115 §5.1).
struct DiscoveryProfile: Sendable {
  let identities: [ComponentConfiguration.Identity]
  /// Sorted, each once.
  let features: [String]
  let node: String
  /// The verification string: Base64 of SHA-1.
  let version: String

  init(identities: [ComponentConfiguration.Identity], features: [String], node: String) {
    let information = DiscoveryInformation(
      identities: identities.map { .init(category: $0.category, type: $0.type, language: "", name: $0.name ?? "") },
      features: Array(Set(features)))
    self.identities = identities
    self.features = Set(features).sorted(by: DiscoveryInformation.isOrdered)
    self.node = node
    version = information.version(.sha1)
  }

  /// `<query/>` of the answer, with the node that was asked for.
  func write(node asked: Text?, to output: inout Output) {
    output.beginStartTag("query", namespace: Namespace.discoInfo)
    if let asked { output.attribute("node", asked) }
    output.endStartTag()
    for identity in identities {
      output.beginStartTag("identity")
      output.attribute("category", identity.category)
      output.attribute("type", identity.type)
      if let name = identity.name { output.attribute("name", name) }
      output.endEmptyElementTag()
    }
    for feature in features {
      output.beginStartTag("feature")
      output.attribute("var", feature)
      output.endEmptyElementTag()
    }
    output.endTag("query")
  }

  /// `<c/>` of our presence (XEP-0115 §4).
  func writeCapabilities(to output: inout Output) {
    output.beginStartTag("c", namespace: Namespace.capabilities)
    output.attribute("hash", "sha-1" as StaticString)
    output.attribute("node", node)
    output.attribute("ver", version)
    output.endEmptyElementTag()
  }

  /// Whether it is this profile that a node names: none, or the one of our presence (XEP-0115 §6.2).
  func isNamed(by node: Text?) -> Bool {
    guard let node else { return true }
    return node.isSame(as: self.node + "#" + version)
  }
}

/// Which hash a verification string is of, and what it should be.
struct CapabilityHash: Hashable, Sendable {
  /// Of those that XEP-0300 §3.1 wants, the ones with a hash function here.
  enum Algorithm: String, Sendable {
    case sha1 = "sha-1"
    case sha256 = "sha-256"
    case sha512 = "sha-512"
  }

  let algorithm: Algorithm
  let version: String

  static let maximumBytes = 128
}

/// What was read of a disco#info (XEP-0030 §3.1) as far as XEP-0115 §5.1 hashes it.
struct DiscoveryInformation: Sendable {
  struct Identity: Hashable, Sendable {
    var category: String
    var type: String
    var language: String
    var name: String

    var line: String { "\(category)/\(type)/\(language)/\(name)<" }
  }

  struct Form: Hashable, Sendable {
    var type: String
    var fields: [(name: String, values: [String])]

    static func == (form: Form, other: Form) -> Bool { form.type == other.type }
    func hash(into hasher: inout Hasher) { hasher.combine(type) }
  }

  var identities: [Identity]
  var features: [String]
  var forms: [Form] = []
  /// XEP-0115 §5.4: duplicates and contradictory form types make it ill-formed; nobody may cache it.
  var isWellFormed = true

  init(identities: [Identity], features: [String]) {
    self.identities = identities
    self.features = features
  }

  init(_ query: XMLElement) {
    identities = []
    features = []
    for child in query.children {
      if child.matches("identity", namespace: Namespace.discoInfo) {
        identities.append(
          Identity(
            category: child.attribute("category")?.string ?? "", type: child.attribute("type")?.string ?? "",
            language: child.attribute("lang", namespace: "http://www.w3.org/XML/1998/namespace")?.string ?? "",
            name: child.attribute("name")?.string ?? ""))
      } else if child.matches("feature", namespace: Namespace.discoInfo) {
        if let name = child.attribute("var") { features.append(name.string) }
      } else if child.matches("x", namespace: Namespace.dataForms) {
        addForm(child)
      }
    }
    if Set(identities).count != identities.count || Set(features).count != features.count
      || Set(forms).count != forms.count || hasSeparator
    {
      isWellFormed = false
    }
  }

  /// XEP-0115 §5.1 puts `<` between all values: one that holds it could pass for two.
  private var hasSeparator: Bool {
    func isIn(_ text: String) -> Bool { text.utf8.contains(0x3C) }
    return identities.contains { isIn($0.category) || isIn($0.type) || isIn($0.language) || isIn($0.name) }
      || features.contains(where: isIn)
      || forms.contains { isIn($0.type) || $0.fields.contains { isIn($0.name) || $0.values.contains(where: isIn) } }
  }

  private mutating func addForm(_ element: XMLElement) {
    var form = Form(type: "", fields: [])
    for field in element.children where field.matches("field", namespace: Namespace.dataForms) {
      let name = field.attribute("var")?.string ?? ""
      var values: [String] = []
      for value in field.children where value.matches("value", namespace: Namespace.dataForms) {
        values.append(value.text.string)
      }
      if name == "FORM_TYPE" {
        // XEP-0115 §5.4 steps 3.5 and 3.6: only a hidden FORM_TYPE counts, and only one value.
        if Set(values).count > 1 { isWellFormed = false }
        if let kind = field.attribute("type"), kind == "hidden" { form.type = values.first ?? "" }
      } else {
        form.fields.append((name, values))
      }
    }
    if !form.type.isEmpty { forms.append(form) }
  }

  /// XEP-0115 §5.1: `i;octet` (RFC 4790 §9.3).
  static func isOrdered(_ one: String, _ other: String) -> Bool {
    one.utf8.lexicographicallyPrecedes(other.utf8)
  }

  /// XEP-0115 §5.1.
  func version(_ algorithm: CapabilityHash.Algorithm) -> String {
    var text = ""
    for line in identities.map(\.line).sorted(by: Self.isOrdered) { text += line }
    for feature in features.sorted(by: Self.isOrdered) { text += feature + "<" }
    for form in forms.sorted(by: { Self.isOrdered($0.type, $1.type) }) {
      text += form.type + "<"
      for field in form.fields.sorted(by: { Self.isOrdered($0.name, $1.name) }) {
        text += field.name + "<"
        for value in field.values.sorted(by: Self.isOrdered) { text += value + "<" }
      }
    }
    let data = Array(text.utf8)
    return switch algorithm {
    case .sha1: encodeBase64(Array(Insecure.SHA1.hash(data: data)))
    case .sha256: encodeBase64(Array(SHA256.hash(data: data)))
    case .sha512: encodeBase64(Array(SHA512.hash(data: data)))
    }
  }
}

/// What is known of verification strings that somebody has sent (XEP-0115 §5.4 step 3.9), bounded: the oldest go.
struct CapabilityCache: Sendable {
  private var features: [CapabilityHash: Set<String>] = [:]
  private var order: [CapabilityHash] = []
  private var bytes = 0

  static let maximumEntries = 1000
  static let maximumBytes = 4 << 20

  subscript(hash: CapabilityHash) -> Set<String>? { features[hash] }

  mutating func insert(_ set: Set<String>, for hash: CapabilityHash) {
    guard features[hash] == nil else { return }
    features[hash] = set
    order.append(hash)
    bytes += Self.size(of: set)
    while order.count > Self.maximumEntries || bytes > Self.maximumBytes, !order.isEmpty {
      let oldest = order.removeFirst()
      if let old = features.removeValue(forKey: oldest) { bytes -= Self.size(of: old) }
    }
  }

  private static func size(of set: Set<String>) -> Int { set.reduce(128) { $0 + $1.utf8.count + 48 } }
}

/// Lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// Base64 (RFC 4648 §4), padded.
func encodeBase64(_ bytes: [UInt8]) -> String {
  let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let count = min(3, bytes.count - start)
    var group: UInt32 = 0
    for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0) }
    for digit in 0..<4 {
      text.append(digit <= count ? digits[Int(group >> UInt32(18 - 6 * digit) & 63)] : 0x3D)
    }
  }
  return String(decoding: text, as: UTF8.self)
}
