// swift-tools-version: 6.2
import PackageDescription

// Arrows point downwards: a target imports only what stands above it in this list.
// docs/ has one page per target; `make check` holds the arrows.
let strict: [SwiftSetting] = [.strictMemorySafety(), .swiftLanguageMode(.v6)]

func library(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: [.swiftLanguageMode(.v6)])
}

let package = Package(
  name: "ringbox",
  products: [
    .executable(name: "ringbox", targets: ["ringbox"]),
    .executable(name: "ringbox-vm", targets: ["ringbox-vm"]),
    .executable(name: "ringbox-net", targets: ["ringbox-net"]),
    .executable(name: "ringboxd", targets: ["ringboxd"]),
    .executable(name: "ringbox-sdl", targets: ["ringbox-sdl"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    library("Base"),
    .target(name: "CHost"),
    library("HostSystem", ["Base", "CHost"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    library("Compression", ["CZlib", "CZstd"]),
    library("StateFile", ["Base", "HostSystem", "Compression"]),
    library("X86ISA", ["Base"]),
    library("GuestMemory", ["Base", "HostSystem", "CHost"]),
    library("X86Engine", ["Base", "CHost", "HostSystem", "X86ISA", "GuestMemory"]),
    library("Execution", ["Base", "HostSystem", "X86ISA", "GuestMemory", "X86Engine"]),
    library("DeviceKit", ["Base", "HostSystem", "GuestMemory"]),
    library("DeviceConformance", ["Base", "DeviceKit"]),
    library("Devices", ["Base", "DeviceKit"]),
    library("TextConsole", ["Base", "HostSystem", "Devices"]),
    library("DiskImages", ["Base", "HostSystem", "GuestMemory", "DeviceKit", "Compression"]),
    // Without pkg-config: slirp.pc asks for GLib's development files, which nothing here needs.
    .systemLibrary(name: "CSlirp", providers: [.apt(["libslirp-dev"])]),
    library("HostNetwork", ["Base", "HostSystem", "DeviceKit", "CSlirp"]),
    library(
      "Machine",
      [
        "Base", "HostSystem", "X86ISA", "GuestMemory", "Execution", "DeviceKit", "Devices", "DiskImages", "HostNetwork",
        "StateFile",
      ],
      exclude: ["Firmware/dsdt.asl", "Loaders/BootROM.s"]),
    library("ControlChannel", ["Base", "HostSystem", "DeviceKit"]),
    .systemLibrary(name: "CLibXML", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    library("SettingsFiles", ["Base", "HostSystem", "CLibXML"]),
    library("Service", ["Base", "HostSystem", "DiskImages", "SettingsFiles", "StateFile"]),
    library("ServiceAPI", ["Base", "HostSystem", "DiskImages", "SettingsFiles", "Service"]),
    library("ServiceClient", ["Base", "HostSystem", "Service"]),
    library("RemoteDisplay", ["Base", "HostSystem", "Devices", "Compression"]),
    library("DisplayClient", ["Base", "HostSystem", "Compression"]),
    // Without pkg-config: sdl2.pc has a flag that SwiftPM warns of.
    .systemLibrary(name: "CSDL2", providers: [.apt(["libsdl2-dev"])]),
    .executableTarget(
      name: "ringbox-sdl",
      dependencies: ["Base", "HostSystem", "Service", "ServiceClient", "DisplayClient", "CSDL2"], swiftSettings: strict),
    .executableTarget(
      name: "ringbox",
      dependencies: [
        "Base", "HostSystem", "DiskImages", "SettingsFiles", "Service", "ServiceClient",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "ringbox-vm",
      dependencies: [
        "Base", "HostSystem", "X86ISA", "X86Engine", "DeviceKit", "Devices", "Compression", "TextConsole",
        "ControlChannel", "Machine", "RemoteDisplay",
      ],
      swiftSettings: strict,
      // Without the shared libraries of Swift a VM process takes 8 MiB less and starts sooner.
      linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
    .executableTarget(
      name: "ringbox-net", dependencies: ["Base", "HostSystem", "HostNetwork"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
    .executableTarget(
      name: "ringboxd",
      dependencies: [
        "Base", "HostSystem", "Service", "ServiceAPI",
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
      ],
      resources: [.copy("Web")],
      swiftSettings: strict),
    .executableTarget(name: "isa-gen", dependencies: ["X86ISA"], swiftSettings: strict),
    .target(name: "COracle"),
    library("Oracle", ["Base", "X86ISA", "GuestMemory", "X86Engine", "COracle"]),
    tests("Base", ["Base"]),
    tests("X86ISA", ["X86ISA"]),
    tests("GuestMemory", ["GuestMemory", "Base"]),
    tests("X86Engine", ["X86Engine", "X86ISA", "GuestMemory"]),
    tests("Oracle", ["Oracle", "X86ISA", "X86Engine", "Base"]),
    .testTarget(
      name: "GuestTests", dependencies: ["Base", "X86ISA", "X86Engine", "GuestMemory"],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    tests("Devices", ["Devices", "DeviceKit", "DeviceConformance", "HostSystem"]),
    tests("Compression", ["Compression"]),
    tests("StateFile", ["StateFile", "Base", "Compression", "HostSystem"]),
    tests("TextConsole", ["TextConsole", "Devices", "HostSystem"]),
    tests("DiskImages", ["DiskImages", "DeviceKit", "DeviceConformance", "Devices", "GuestMemory", "HostSystem"]),
    tests(
      "RemoteDisplay",
      ["TestSupport", "Base", "RemoteDisplay", "Compression", "Devices", "HostSystem", "DeviceConformance"]),
    tests(
      "DisplayClient",
      ["Base", "DisplayClient", "RemoteDisplay", "Compression", "Devices", "HostSystem", "DeviceConformance"]),
    tests("HostNetwork", ["HostNetwork", "DeviceKit", "Base", "HostSystem"]),
    tests(
      "Machine",
      [
        "Machine", "HostNetwork", "DeviceKit", "Devices", "DeviceConformance", "GuestMemory", "StateFile", "Base",
        "TestSupport",
      ]),
    // Spawns the built programs and talks to them as a user does.
    .target(
      name: "TestSupport", dependencies: ["Base", "HostSystem"], path: "Tests/TestSupport",
      swiftSettings: [.swiftLanguageMode(.v6)]),
    tests("ControlChannel", ["ControlChannel", "Base", "HostSystem"]),
    tests("SettingsFiles", ["SettingsFiles", "HostSystem"]),
    tests("Service", ["Service", "SettingsFiles", "DiskImages", "HostSystem", "Base"]),
    tests("ServiceAPI", ["ServiceAPI", "Service", "Base", "HostSystem"]),
    // A real ringboxd with real machines, by HTTP and by a browser.
    tests(
      "Ringboxd", ["TestSupport", "ServiceAPI", "Service", "DiskImages", "SettingsFiles", "Base", "HostSystem"]),
    // Real firmware, kernels and disks: Tools/guest-assets makes what these boot.
    tests("Boot", ["TestSupport", "Base", "HostSystem", "Compression"]),
    tests("CommandLine", ["TestSupport", "Base", "HostSystem"]),
  ]
)
