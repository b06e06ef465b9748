import Base
import DeviceKit

// Bus configuration registers and the internal PHY.

extension PCnet {
  /// Where the internal PHY answers.
  static let phyAddress: UInt16 = 30

  mutating func readBCR(_ number: Int, _ host: some DeviceServices) -> UInt16 {
    guard number < 64 else { return 0 }
    switch number {
    // LED status bits: the link LED shows link pulses when there is a link.
    case 4: return state.bcr[4] & 0x7fff | (host.isLinkUp && state.bcr[4] & 0x40 != 0 ? 0x8000 : 0)
    case 5...7: return state.bcr[number] & 0x7fff
    case 34:
      guard state.bcr[33] >> 5 & 31 == PCnet.phyAddress else { return 0xffff }
      return readPhy(Int(state.bcr[33] & 31), host)
    default: return state.bcr[number]
    }
  }

  mutating func writeBCR(_ number: Int, _ value: UInt16, _ host: some DeviceServices) {
    switch number {
    case 20:
      guard !isRunning || isSuspended else { return }
      state.bcr[20] = value
      switch value & 0xff {
      case 2: state.bcr[20] = 0x0302
      case 3: state.bcr[20] = 0x0303
      case 1: state.bcr[20] = 0x0101
      default: state.bcr[20] = 0x0200
      }
    case 18:
      state.bcr[18] = value & ~0x80 | state.bcr[18] & 0x80
    case 34:
      guard state.bcr[33] >> 5 & 31 == PCnet.phyAddress else { return }
      writePhy(Int(state.bcr[33] & 31), value)
    case 2, 4...7, 9, 16, 17, 19, 21, 23, 24, 32, 33: state.bcr[number] = value
    default: break
    }
  }

  // MARK: PHY (IEEE 802.3 clause 22)

  mutating func resetPhy() {
    state.phy = [UInt16](repeating: 0, count: 32)
    state.phy[0] = 0x3100
    state.phy[4] = 0x01e1
  }
  /// The link bit latches low until it is read; register 31 stands for the latch.
  mutating func linkLost() { state.phy[31] = 1 }

  private mutating func readPhy(_ register: Int, _ host: some DeviceServices) -> UInt16 {
    let isUp = host.isLinkUp && state.phy[0] & 0x0800 == 0
    switch register {
    case 1:
      let wasLost = state.phy[31] != 0
      state.phy[31] = 0
      return 0x7849 | (isUp ? 0x20 : 0) | (isUp && !wasLost ? 4 : 0)
    case 2: return 0x0022
    case 3: return 0x561b
    case 5: return isUp ? 0x45e1 : 0
    case 6: return isUp ? 1 : 0
    case 31: return 0
    default: return state.phy[register]
    }
  }
  private mutating func writePhy(_ register: Int, _ value: UInt16) {
    switch register {
    case 0:
      if value & 0x8000 != 0 { resetPhy() } else { state.phy[0] = value & ~0x0200 }
    case 1, 2, 3, 5, 6, 31: break
    default: state.phy[register] = value
    }
  }
}
