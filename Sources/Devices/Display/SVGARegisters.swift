import Base
import DeviceKit

/// The register ports of the SVGA II adapter, and the interrupt of all adapters.
extension VGA {
  private typealias Register = SVGAState.Register
  private typealias Enable = SVGAState.Enable
  private enum Port { static let index: UInt64 = 0, value: UInt64 = 1, irqStatus: UInt64 = 8 }
  static let svgaMaximum: UInt32 = 8192

  mutating func svgaPortRead(_ access: Access) -> UInt64 {
    guard let svga = registers.svga, access.width == 4 else { return VGA.allOnes(access.width) }
    switch access.offset {
    case Port.index: return UInt64(svga.index)
    case Port.value: return UInt64(svgaRead(svga))
    case Port.irqStatus: return UInt64(svga.irqStatus)
    default: return VGA.allOnes(access.width)
    }
  }

  mutating func svgaPortWrite(_ access: Access, _ value: UInt64, _ host: some DeviceServices) {
    guard registers.svga != nil, access.width == 4 else { return }
    let value = UInt32(truncatingIfNeeded: value)
    switch access.offset {
    case Port.index: registers.svga?.index = value
    case Port.value: svgaWrite(registers.svga?.index ?? 0, value, host)
    case Port.irqStatus:
      registers.svga?.irqStatus &= ~value
      driveInterrupt(host)
    default: break
    }
  }

  private func svgaRead(_ svga: SVGAState) -> UInt32 {
    switch svga.index {
    case Register.id: return svga.id
    case Register.enable: return svga.enable
    case Register.width: return svga.width
    case Register.height: return svga.height
    case Register.maximumWidth, Register.maximumHeight: return VGA.svgaMaximum
    case Register.depth: return svga.bitsPerPixel == 32 ? 24 : svga.bitsPerPixel
    case Register.bitsPerPixel: return svga.bitsPerPixel
    case Register.hostBitsPerPixel: return 32
    case Register.redMask: return svga.bitsPerPixel == 16 ? 0xf800 : 0xff_0000
    case Register.greenMask: return svga.bitsPerPixel == 16 ? 0x07e0 : 0xff00
    case Register.blueMask: return svga.bitsPerPixel == 16 ? 0x1f : 0xff
    case Register.bytesPerLine: return svga.pitch
    case Register.frameBufferStart: return address(of: VGA.frameBufferRegion)
    case Register.videoMemory: return UInt32(truncatingIfNeeded: memory.size)
    case Register.frameBufferSize: return UInt32(clamping: UInt64(svga.pitch) * UInt64(svga.height))
    case Register.capabilities: return SVGAState.Capability.all
    case Register.memoryStart: return address(of: VGA.fifoRegion)
    case Register.memorySize: return UInt32(truncatingIfNeeded: fifo?.size ?? 0)
    case Register.configDone: return svga.configDone ? 1 : 0
    case Register.guestID: return svga.guestID
    case Register.cursorID: return svga.cursorID
    case Register.cursorX: return svga.cursorX
    case Register.cursorY: return svga.cursorY
    case Register.cursorOn: return svga.cursorOn
    case Register.memoryRegisters: return SVGAFIFO.registerCount
    case Register.displayCount: return UInt32(monitors)
    case Register.pitchLock: return svga.pitchLock
    case Register.irqMask: return svga.irqMask
    case Register.guestDisplays: return svga.guestDisplays
    case Register.displayID: return svga.displayID
    case Register.displayIsPrimary...Register.displayHeight:
      return svga.displayIndex(svga.index).map { svga.displays[$0] } ?? 0
    case Register.traces: return svga.traces
    case Register.regionID: return svga.regionNumber
    case Register.maximumRegions: return SVGARegion.maximumNumber
    case Register.maximumDescriptors: return SVGARegion.maximumDescriptors
    case Register.maximumPages: return SVGARegion.maximumPages
    case Register.totalMemory:
      return UInt32(truncatingIfNeeded: memory.size) + SVGARegion.maximumPages * UInt32(SVGARegion.pageSize)
    case Register.commandHigh: return svga.commandHigh
    // Commands are carried out before the write that announces them ends: never busy. The rest reads as zero.
    default: return 0
    }
  }

  private func address(of region: Int) -> UInt32 {
    let bar = barRegions.first { $0.region == region }?.bar
    return bar.flatMap { config.address(ofBAR: $0) }.map { UInt32(truncatingIfNeeded: $0) } ?? 0
  }

  private mutating func svgaWrite(_ register: UInt32, _ value: UInt32, _ host: some DeviceServices) {
    guard var svga = registers.svga else { return }
    switch register {
    case Register.id: if SVGAState.ids.contains(value) { svga.id = value }
    case Register.enable: svga.enable = value & (Enable.enabled | Enable.hidden)
    case Register.width: if (1...VGA.svgaMaximum).contains(value) { svga.width = value }
    case Register.height: if (1...VGA.svgaMaximum).contains(value) { svga.height = value }
    case Register.bitsPerPixel: if value == 16 || value == 32 { svga.bitsPerPixel = value }
    case Register.configDone: svga.configDone = value != 0
    case Register.guestID: svga.guestID = value
    case Register.cursorID: svga.cursorID = value
    case Register.cursorX: svga.cursorX = value
    case Register.cursorY: svga.cursorY = value
    case Register.cursorOn: svga.cursorOn = value
    case Register.pitchLock: svga.pitchLock = min(value, 1 << 20)
    case Register.irqMask: svga.irqMask = value
    case Register.guestDisplays: svga.guestDisplays = value
    case Register.displayID: svga.displayID = value
    case Register.displayIsPrimary...Register.displayHeight:
      if let index = svga.displayIndex(register) { svga.displays[index] = value }
    case Register.traces: svga.traces = value & 1
    case Register.regionID: svga.regionNumber = value
    case Register.commandHigh: svga.commandHigh = value
    case Register.sync, Register.regionDescriptor, Register.commandLow: break
    default: return
    }
    // The mode of the registers takes the place of all screens.
    switch register {
    case Register.width, Register.height, Register.bitsPerPixel, Register.pitchLock:
      svga.screens = Array(repeating: SVGAScreen(), count: SVGAState.maximumDisplays)
    default: break
    }
    registers.svga = svga
    switch register {
    case Register.regionDescriptor: defineRegion(descriptor: value, host)
    case Register.commandLow: submitBuffer(value, host)
    case Register.enable, Register.configDone: announceFIFO()
    case Register.sync: runFIFO(host)
    case Register.irqMask: driveInterrupt(host)
    default: break
    }
    scanoutChanged()
  }

  func driveInterrupt(_ host: some DeviceServices) {
    guard controller.hasInterrupt else { return }
    let svga = registers.svga.map { $0.irqStatus & $0.irqMask != 0 } ?? false
    host.setLine(0, svga || registers.hgsmi?.interrupts == true)
  }
}
