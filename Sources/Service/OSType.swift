/// A kind of guest system, as settings files name it.
public struct OSType: Sendable, Equatable {
  /// As settings files have it: `Debian_64`.
  public var id: String
  /// For people: `Debian (64-bit)`.
  public var text: String
  /// As clients have it: `Linux`.
  public var family: String
  /// MiB that a new machine gets.
  public var memory: Int

  /// The guest uses long mode.
  public var is64Bit: Bool { id.hasSuffix("_64") }
  /// The family for people.
  public var familyText: String { OSType.families[family] ?? family }

  /// By its id or its description.
  public static func named(_ name: String) -> OSType? {
    all.first { $0.id.lowercased() == name.lowercased() } ?? all.first { $0.text.lowercased() == name.lowercased() }
  }
  /// What a machine is for that nobody said anything about.
  public static let other = OSType(id: "Other", text: "Other/Unknown", family: "Other", memory: 64)

  private static let families = [
    "Windows": "Microsoft Windows", "Linux": "Linux", "Solaris": "Oracle Solaris", "BSD": "BSD", "OS2": "IBM OS/2",
    "MacOS": "Mac OS X", "Other": "Other",
  ]
  /// `ID|Description|MiB`; a plus behind the id: there is a 64-bit one as well, an asterisk: only that.
  private static let table: [(family: String, rows: [String])] = [
    ("Other", ["Other+|Other/Unknown|64"]),
    (
      "Windows",
      [
        "Windows31|Windows 3.1|32", "Windows95|Windows 95|64", "Windows98|Windows 98|64", "WindowsMe|Windows ME|128",
        "WindowsNT3x|Windows NT 3.x|64", "WindowsNT4|Windows NT 4|128", "Windows2000|Windows 2000|168",
        "WindowsXP+|Windows XP|192", "Windows2003+|Windows 2003|512", "WindowsVista+|Windows Vista|512",
        "Windows2008+|Windows 2008|1024", "Windows7+|Windows 7|1024", "Windows8+|Windows 8|1024",
        "Windows81+|Windows 8.1|1024", "Windows2012*|Windows 2012|2048", "Windows10+|Windows 10|1024",
        "Windows2016*|Windows 2016|2048", "Windows2019*|Windows 2019|2048", "Windows2022*|Windows 2022|2048",
        "Windows11*|Windows 11|4096", "WindowsNT+|Other Windows|512",
      ]
    ),
    (
      "Linux",
      [
        "Linux22|Linux 2.2|64", "Linux24+|Linux 2.4|128", "Linux26+|Linux 2.6 / 3.x / 4.x / 5.x|1024",
        "ArchLinux+|Arch Linux|1024", "Debian+|Debian|1024", "Debian31|Debian 3.1 Sarge|1024",
        "Debian4+|Debian 4.0 Etch|1024", "Debian5+|Debian 5.0 Lenny|1024", "Debian6+|Debian 6.0 Squeeze|1024",
        "Debian7+|Debian 7 Wheezy|2048", "Debian8+|Debian 8 Jessie|2048", "Debian9+|Debian 9 Stretch|2048",
        "Debian10+|Debian 10 Buster|2048", "Debian11+|Debian 11 Bullseye|2048", "Debian12+|Debian 12 Bookworm|2048",
        "Fedora+|Fedora|2048", "Gentoo+|Gentoo|1024", "Mandriva+|Mandriva|1024", "OpenSUSE+|openSUSE|1024",
        "OpenSUSE_Leap*|openSUSE Leap|2048", "OpenSUSE_Tumbleweed+|openSUSE Tumbleweed|2048",
        "Oracle+|Oracle Linux|2048", "Oracle8*|Oracle Linux 8.x|2048", "Oracle9*|Oracle Linux 9.x|2048",
        "RedHat+|Red Hat|2048", "RedHat8*|Red Hat 8.x|2048", "RedHat9*|Red Hat 9.x|2048", "Turbolinux+|Turbolinux|384",
        "Ubuntu+|Ubuntu|2048", "Ubuntu18_LTS*|Ubuntu 18.04 LTS (Bionic Beaver)|2048",
        "Ubuntu20_LTS*|Ubuntu 20.04 LTS (Focal Fossa)|2048", "Ubuntu22_LTS*|Ubuntu 22.04 LTS (Jammy Jellyfish)|2048",
        "Xandros+|Xandros|1024", "Linux+|Other Linux|256",
      ]
    ),
    (
      "Solaris",
      [
        "Solaris+|Oracle Solaris 10 5/09 and earlier|1024",
        "Solaris10U8_or_later+|Oracle Solaris 10 10/09 and later|1024",
        "Solaris11*|Oracle Solaris 11|2048", "OpenSolaris+|OpenSolaris / Illumos / OpenIndiana|1024",
      ]
    ),
    ("BSD", ["FreeBSD+|FreeBSD|1024", "OpenBSD+|OpenBSD|1024", "NetBSD+|NetBSD|1024"]),
    (
      "OS2",
      [
        "OS21x|OS/2 1.x|8", "OS2Warp3|OS/2 Warp 3|48", "OS2Warp4|OS/2 Warp 4|64", "OS2Warp45|OS/2 Warp 4.5|128",
        "OS2eCS|eComStation|256", "ArcaOS|ArcaOS|1024", "OS2|Other OS/2|96",
      ]
    ),
    ("MacOS", ["MacOS+|Mac OS X|2048"]),
    (
      "Other",
      [
        "DOS|DOS|32", "Netware|Netware|512", "L4|L4|64", "QNX|QNX|512", "JRockitVE|JRockitVE|1024",
        "VBoxBS*|VirtualBox Bootsector Test|128",
      ]
    ),
  ]

  /// Every type, by family.
  public static let all: [OSType] = table.flatMap { family, rows in
    rows.flatMap { row -> [OSType] in
      let fields = row.split(separator: "|").map(String.init)
      let id = fields[0].trimmingSuffix(of: "+*"), memory = Int(fields[2]) ?? 64
      let narrow = OSType(
        id: id, text: fields[1] + (fields[0].hasSuffix("+") && id != "Other" ? " (32-bit)" : ""), family: family,
        memory: memory)
      let wide = OSType(id: id + "_64", text: fields[1] + " (64-bit)", family: family, memory: memory)
      if fields[0].hasSuffix("*") { return [wide] }
      return fields[0].hasSuffix("+") ? [narrow, wide] : [narrow]
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(of characters: String) -> String {
    last.map { characters.contains($0) ? String(dropLast()) : self } ?? self
  }
}
