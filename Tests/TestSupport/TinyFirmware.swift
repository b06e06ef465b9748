/// Firmware images of a few instructions, for tests that need a guest of known behaviour and no more.
public enum TinyFirmware {
  /// A 64 KiB image that starts with 16-bit `code` at its first byte (CS base FFFF0000h, IP 0).
  public static func image(_ code: [UInt8]) -> [UInt8] {
    var image = [UInt8](repeating: 0xf4, count: 65536)
    image.replaceSubrange(0..<code.count, with: code)
    // jmp 0: the reset vector is at IP FFF0h.
    image.replaceSubrange(0xfff0..<0xfff3, with: [0xe9, 0x0d, 0x00])
    return image
  }

  /// Writes text to COM1: mov dx, 3f8h; then mov al, c; out dx, al for each.
  public static func printing(_ text: String) -> [UInt8] {
    [0xba, 0xf8, 0x03] + text.utf8.flatMap { [0xb0, $0, 0xee] }
  }
  /// Sends the byte of a CMOS register to COM1: mov al, index; out 70h, al; in al, 71h; mov dx, 3f8h; out dx, al.
  public static func sendingCMOS(_ index: UInt8) -> [UInt8] {
    [0xb0, index, 0xe6, 0x70, 0xe4, 0x71, 0xba, 0xf8, 0x03, 0xee]
  }
  /// hlt; jmp to it.
  public static let halt: [UInt8] = [0xf4, 0xeb, 0xfd]
  /// Sends back what comes from COM1, for ever.
  public static let echo: [UInt8] = [
    0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf8, 0xba, 0xf8, 0x03, 0xec, 0xee, 0xeb, 0xf1,
  ]
  /// Writes text to the debug console: mov dx, 402h; then mov al, c; out dx, al for each.
  public static func debugging(_ text: String) -> [UInt8] {
    [0xba, 0x02, 0x04] + text.utf8.flatMap { [0xb0, $0, 0xee] }
  }
  /// mov dx, 0cf9h; mov al, 6; out dx, al: a hard reset.
  public static let reset: [UInt8] = [0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4]
  /// mov al, 0feh; out 64h, al; hlt: the keyboard controller pulses the reset line.
  public static let keyboardReset: [UInt8] = [0xb0, 0xfe, 0xe6, 0x64, 0xf4]
  /// mov al, 1; out 92h, al; hlt: the fast reset of port 92h.
  public static let port92Reset: [UInt8] = [0xb0, 0x01, 0xe6, 0x92, 0xf4]
  /// lidt of an empty table, then int3: no handler for the fault, nor for the fault of that.
  public static let tripleFault: [UInt8] = [
    0x31, 0xc0, 0x8e, 0xd8, 0xc7, 0x06, 0x00, 0x05, 0x00, 0x00, 0x0f, 0x01, 0x1e, 0x00, 0x05, 0xcc,
  ]
  /// Maps the power management ports at 600h through PCI configuration and enters S5.
  public static let powerOff: [UInt8] =
    configure(0x8000_0b40, 0x601) + configure(0x8000_0b80, 1)
    + [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4]

  /// mov eax, address; mov dx, 0cf8h; out dx, eax; mov eax, value; mov dx, 0cfch; out dx, eax.
  private static func configure(_ address: UInt32, _ value: UInt32) -> [UInt8] {
    func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    return [0x66, 0xb8] + bytes(address) + [0xba, 0xf8, 0x0c, 0x66, 0xef]
      + [0x66, 0xb8] + bytes(value) + [0xba, 0xfc, 0x0c, 0x66, 0xef]
  }
}
