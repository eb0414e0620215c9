import GrammarCompiler
#if canImport(Glibc)
import Glibc
#endif
var files: [SourceFile] = []
for path in CommandLine.arguments.dropFirst() {
  guard let handle = fopen(path, "r") else { continue }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true { let n = fread(&buffer, 1, buffer.count, handle); if n <= 0 { break }; bytes += buffer[0..<n] }
  fclose(handle)
  let parts = path.split(separator: "/").map(String.init)
  let area = parts.count >= 2 && parts[parts.count - 2] != "Grammars" ? parts[parts.count - 2] : parts.last!.replacing(".grammar", with: "")
  files.append(SourceFile(path: path, area: area, text: bytes))
}
let compilation = Compilation(files: files, generating: ["sip", "sdp", "jingle", "mapping"])
print(compilation.renderedDiagnostics)
