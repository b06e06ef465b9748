import Base
import DeviceKit

/// Ports 3B0h-3BBh, 3C0h-3DFh, 1CEh-1D0h, and their memory-mapped forms.
extension VGA {
  /// Input status register 0: monitor sense.
  private static let switchSense: UInt8 = 0x10

  // MARK: Splitting

  mutating func portBytes(
    _ access: Access, first: UInt64, last: UInt64, _ host: some DeviceServices
  ) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<min(8, max(0, access.width)) {
      let port = first &+ access.offset &+ UInt64(index)
      let byte = port < first || port > last ? 0xff : portRead(UInt16(truncatingIfNeeded: port), host.now)
      value |= UInt64(byte) << UInt64(index * 8)
    }
    return value
  }
  mutating func writePortBytes(_ access: Access, first: UInt64, last: UInt64, _ value: UInt64) {
    for index in 0..<min(8, max(0, access.width)) {
      let port = first &+ access.offset &+ UInt64(index)
      guard port >= first, port <= last else { continue }
      portWrite(UInt16(truncatingIfNeeded: port), UInt8(truncatingIfNeeded: value >> UInt64(index * 8)))
    }
  }

  // MARK: VGA ports

  private mutating func portRead(_ port: UInt16, _ now: VirtualTime) -> UInt8 {
    switch port {
    case 0x3c0: return registers.attributeIndex
    case 0x3c1:
      let index = Int(registers.attributeIndex & 0x1f)
      return index < registers.attribute.count ? registers.attribute[index] : 0
    case 0x3c2: return VGA.switchSense
    case 0x3c3: return registers.subsystemEnable
    case 0x3c4: return registers.sequencerIndex
    case 0x3c5: return registers.sequencer[Int(registers.sequencerIndex & 7)]
    case 0x3c6: return registers.pelMask
    // DAC state: 3 after setting the read index, 0 after the write index.
    case 0x3c7: return registers.dacReading ? 3 : 0
    case 0x3c8: return registers.dacWriteIndex
    case 0x3c9: return readPalette()
    case 0x3ca: return registers.featureControl
    case 0x3cc: return registers.miscellaneousOutput
    case 0x3ce: return registers.graphicsIndex
    case 0x3cf:
      let index = Int(registers.graphicsIndex)
      return index < registers.graphics.count ? registers.graphics[index] : 0
    default:
      guard let shared = relocated(port) else { return 0xff }
      return crtcPortRead(shared, now)
    }
  }

  /// 3B0h-3BFh and 3D0h-3DFh are one set of ports whose place MSR bit 0 selects; the low digit, when `port` is there.
  private func relocated(_ port: UInt16) -> UInt16? {
    port & 0xfff0 == (registers.isColor ? 0x3d0 : 0x3b0) ? port & 0xf : nil
  }

  private mutating func crtcPortRead(_ port: UInt16, _ now: VirtualTime) -> UInt8 {
    switch port {
    case 4: return registers.crtcIndex
    case 5:
      switch registers.crtcIndex {
      case 0..<0x19: return registers.crtc[Int(registers.crtcIndex)]
      // Undocumented but widely used: graphics controller latch and attribute flip-flop.
      case 0x22:
        return UInt8(
          truncatingIfNeeded: registers.latches >> (UInt32(registers.graphics[VGARegisters.GR.readMap] & 3) * 8))
      case 0x24: return registers.attributeWantsData ? 0x80 : 0
      default: return 0xff
      }
    case 0xa:
      registers.attributeWantsData = false
      return registers.inputStatus1(at: now)
    default: return 0xff
    }
  }

  private mutating func portWrite(_ port: UInt16, _ value: UInt8) {
    switch port {
    case 0x3c0: writeAttribute(value)
    case 0x3c2: registers.miscellaneousOutput = value & 0xef
    case 0x3c3: registers.subsystemEnable = value & 1
    case 0x3c4: registers.sequencerIndex = value & 7
    case 0x3c5:
      let masks: [UInt8] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff]
      registers.sequencer[Int(registers.sequencerIndex & 7)] = value & masks[Int(registers.sequencerIndex & 7)]
    case 0x3c6: registers.pelMask = value
    case 0x3c7:
      registers.dacReadIndex = value
      registers.dacComponent = 0
      registers.dacReading = true
    case 0x3c8:
      registers.dacWriteIndex = value
      registers.dacComponent = 0
      registers.dacReading = false
    case 0x3c9: writePalette(value)
    case 0x3ce: registers.graphicsIndex = value & 0x0f
    case 0x3cf:
      let masks: [UInt8] = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff]
      let index = Int(registers.graphicsIndex)
      if index < masks.count { registers.graphics[index] = value & masks[index] }
    default:
      guard let shared = relocated(port) else { return }
      crtcPortWrite(shared, value)
      return
    }
    // Registers that take part in addressing memory.
    if port == 0x3c2 || port == 0x3c5 || port == 0x3cf { registersChanged() }
  }

  private mutating func crtcPortWrite(_ port: UInt16, _ value: UInt8) {
    switch port {
    case 4: registers.crtcIndex = value & 0x3f
    case 5:
      let index = Int(registers.crtcIndex)
      guard index < registers.crtc.count else { return }
      if index <= 7, registers.crtc[0x11] & 0x80 != 0 {
        // CR11 bit 7 protects CR0-CR7, except the line compare bit.
        if index == 7 { registers.crtc[7] = registers.crtc[7] & ~0x10 | value & 0x10 }
        return
      }
      registers.crtc[index] = value
    case 0xa: registers.featureControl = value & 0x0b
    default: break
    }
  }

  private mutating func writeAttribute(_ value: UInt8) {
    defer { registers.attributeWantsData.toggle() }
    guard registers.attributeWantsData else {
      registers.attributeIndex = value & 0x3f
      return
    }
    let index = Int(registers.attributeIndex & 0x1f)
    switch index {
    case 0..<0x10: registers.attribute[index] = value & 0x3f
    case VGARegisters.AR.mode: registers.attribute[index] = value & 0xef
    case VGARegisters.AR.overscan: registers.attribute[index] = value
    case VGARegisters.AR.planeEnable: registers.attribute[index] = value & 0x3f
    case VGARegisters.AR.panning, VGARegisters.AR.colorSelect: registers.attribute[index] = value & 0x0f
    default: break
    }
  }

  // MARK: DAC

  private mutating func readPalette() -> UInt8 {
    let value = registers.palette[Int(registers.dacReadIndex) * 3 + Int(registers.dacComponent)]
    if advanceDAC() { registers.dacReadIndex &+= 1 }
    return value
  }
  private mutating func writePalette(_ value: UInt8) {
    let level = registers.dispi.dac8Bit ? value : value & 0x3f
    if registers.dacComponent < 2 {
      registers.dacPending[Int(registers.dacComponent)] = level
    } else {
      // An entry changes as a whole.
      let at = Int(registers.dacWriteIndex) * 3
      registers.palette[at] = registers.dacPending[0]
      registers.palette[at + 1] = registers.dacPending[1]
      registers.palette[at + 2] = level
    }
    if advanceDAC() { registers.dacWriteIndex &+= 1 }
  }
  /// Goes on to the next colour; true when that is in the next entry.
  private mutating func advanceDAC() -> Bool {
    registers.dacComponent = registers.dacComponent >= 2 ? 0 : registers.dacComponent + 1
    return registers.dacComponent == 0
  }

  // MARK: Display interface

  func dispiPortRead(_ offset: UInt64, _ width: Int) -> UInt64 {
    switch (offset, width) {
    case (0, 1), (0, 2): return UInt64(registers.dispi.index) & VGA.allOnes(width)
    case (1, 1), (1, 2), (2, 2): return UInt64(dispiValue) & VGA.allOnes(width)
    case (2, 1): return UInt64(dispiValue >> 8)
    case (1, 4) where controller.hasHGSMI: return UInt64(memory.size)
    case (0, 4): return dispiPortRead(0, 2) | dispiPortRead(2, 2) << 16
    default: return VGA.allOnes(width)
    }
  }
  private var dispiValue: UInt16 {
    // To a guest that has chosen VirtualBox's interface the last register counts monitors.
    if controller.hasHGSMI, registers.dispi.index == DISPIRegisters.Index.memory64K,
      DISPIRegisters.virtualBoxIDs.contains(registers.dispi.values[DISPIRegisters.Index.id])
    {
      return UInt16(monitors)
    }
    return registers.dispi.read(memory: memory.size)
  }
  mutating func dispiPortWrite(_ offset: UInt64, _ width: Int, _ value: UInt32) {
    // Word registers; byte writes exist in no documented use.
    let low = UInt16(truncatingIfNeeded: value)
    switch (offset, width) {
    case (0, 2): registers.dispi.index = low
    case (1, 2), (2, 2): dispiWrite(low)
    case (0, 4):
      registers.dispi.index = low
      dispiWrite(UInt16(truncatingIfNeeded: value >> 16))
    default: break
    }
  }
  private mutating func dispiWrite(_ value: UInt16) {
    if controller.hasHGSMI, registers.dispi.index == DISPIRegisters.Index.id,
      DISPIRegisters.virtualBoxIDs.contains(value)
    {
      registers.dispi.values[DISPIRegisters.Index.id] = value
      return
    }
    if registers.dispi.write(value, memory: memory.size) {
      let mode = registers.dispi.mode(memory: memory.size)
      memory.clear(0, count: mode.height * mode.pitch * (mode.bitsPerPixel == 4 ? 4 : 1))
    }
    registersChanged()
  }

  // MARK: Memory-mapped registers (BAR 2)

  /// Offsets in BAR 2: VGA ports from 3C0h, display interface registers, size and byte order of the extension.
  private enum Map {
    static let edid: Range<UInt64> = 0..<0x400
    static let vga: Range<UInt64> = 0x400..<0x420
    static let dispi: Range<UInt64> = 0x500..<0x516
    static let extensionSize: UInt64 = 0x600, byteOrder: UInt64 = 0x604
    static let littleEndian: UInt64 = 0x1e1e_1e1e
  }

  mutating func registerRead(_ access: Access, _ host: some DeviceServices) -> UInt64 {
    if Map.edid.contains(access.offset) {
      var value: UInt64 = 0
      for index in 0..<min(8, max(0, access.width)) {
        let at = Int(access.offset) + index
        value |= UInt64(at < edid.bytes.count ? edid.bytes[at] : 0) << UInt64(index * 8)
      }
      return value
    }
    if Map.vga.contains(access.offset) {
      let shifted = Access(offset: access.offset - Map.vga.lowerBound, width: access.width)
      return portBytes(shifted, first: 0x3c0, last: 0x3df, host)
    }
    if Map.dispi.contains(access.offset) {
      var value: UInt64 = 0
      for index in 0..<min(8, max(0, access.width)) {
        let at = access.offset &+ UInt64(index)
        var copy = registers.dispi
        copy.index = UInt16(truncatingIfNeeded: (at - Map.dispi.lowerBound) >> 1)
        let word = Map.dispi.contains(at) ? copy.read(memory: memory.size) : .max
        value |= UInt64(UInt8(truncatingIfNeeded: at & 1 == 0 ? word : word >> 8)) << UInt64(index * 8)
      }
      return value
    }
    switch (access.offset, access.width) {
    case (Map.extensionSize, 4): return 8
    case (Map.byteOrder, 4): return Map.littleEndian
    default: return VGA.allOnes(access.width)
    }
  }

  mutating func registerWrite(_ access: Access, _ value: UInt64) {
    if Map.vga.contains(access.offset) {
      let shifted = Access(offset: access.offset - Map.vga.lowerBound, width: access.width)
      writePortBytes(shifted, first: 0x3c0, last: 0x3df, value)
      return
    }
    guard Map.dispi.contains(access.offset), access.offset & 1 == 0 else { return }
    let selected = registers.dispi.index
    for index in stride(from: 0, to: min(8, access.width & ~1), by: 2) {
      let at = access.offset &+ UInt64(index)
      guard Map.dispi.contains(at) else { break }
      registers.dispi.index = UInt16(truncatingIfNeeded: (at - Map.dispi.lowerBound) >> 1)
      dispiWrite(UInt16(truncatingIfNeeded: value >> UInt64(index * 8)))
    }
    // The index register belongs to the port interface.
    registers.dispi.index = selected
  }
}
