import PackagePlugin

@main
struct GenerateCodecs: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] { [] }
}
