import Base
import DeviceKit

/// Offsets and bits of the HBA registers (AHCI 1.3.1, 3.1).
enum AHCIRegister {
  static let capabilities = 0x00, globalControl = 0x04, interruptStatus = 0x08, portsImplemented = 0x0c, version = 0x10
  /// Port registers: 80h bytes a port.
  static let ports = 0x100, portSize = 0x80
  /// GHC.
  static let hbaReset: UInt32 = 1, interruptEnable: UInt32 = 2, ahciEnable: UInt32 = 1 << 31
}

/// Offsets of the registers of a port (AHCI 1.3.1, 3.3).
enum AHCIPortRegister {
  static let commandListBase = 0x00, fisBase = 0x08, interruptStatus = 0x10, interruptEnable = 0x14, command = 0x18
  static let taskFileData = 0x20, signature = 0x24, sataStatus = 0x28, sataControl = 0x2c, sataError = 0x30
  static let sataActive = 0x34, commandIssue = 0x38
}

/// PxCMD.
enum AHCICommand {
  static let ST: UInt32 = 1, SUD: UInt32 = 2, POD: UInt32 = 4, CLO: UInt32 = 8, FRE: UInt32 = 0x10
  static let FR: UInt32 = 1 << 14, CR: UInt32 = 1 << 15, HPCP: UInt32 = 1 << 18
  /// What software may write: ST, FRE, ATAPI, DLAE.
  static let writable: UInt32 = ST | FRE | 0x0300_0000
}

/// PxIS.
enum AHCIInterrupt {
  static let DHRS: UInt32 = 1, PSS: UInt32 = 2, SDBS: UInt32 = 8, PCS: UInt32 = 0x40, PRCS: UInt32 = 1 << 22
  static let OFS: UInt32 = 1 << 24, IFS: UInt32 = 1 << 27, TFES: UInt32 = 1 << 30
}

/// PxSERR: PhyRdy change, exchanged.
enum SATAError { static let N: UInt32 = 1 << 16, X: UInt32 = 1 << 26 }

/// What a port remembers besides requests that a backend has.
public struct AHCIPortState: SavedState {
  var commandListBase: UInt64 = 0
  var fisBase: UInt64 = 0
  /// PxIS without PCS and PRCS, which show bits of PxSERR.
  var interruptStatus: UInt32 = 0
  var interruptEnable: UInt32 = 0
  /// The writable bits of PxCMD.
  var command: UInt32 = 0
  /// Slot of the last command, and the one to look at first for the next.
  var currentSlot: UInt8 = 0
  var nextSlot: UInt8 = 0
  var sataControl: UInt32 = 0
  var sataError: UInt32 = 0
  var sataActive: UInt32 = 0
  var commandIssue: UInt32 = 0
  var signature: UInt32 = 0xffff_ffff
  /// Registers of the drive as the port last saw them, and its settings.
  var drive = ATADrive()
  var device: UInt8 = 0
  /// The first half of a software reset was sent.
  var isInSoftwareReset = false
  /// After an error, until software clears ST.
  var isHalted = false
  /// The drive's first frame after a reset waits for FRE.
  var owesSignature = false
  /// What the log of queued commands' errors holds; tag 80h: nothing.
  var failedTag: UInt8 = 0x80
  var failedStatus: UInt8 = 0
  var failedError: UInt8 = 0
  var failedSector: UInt64 = 0

  public init() {}
  public mutating func fields(_ visit: inout some StateVisitor) throws(StateError) {
    try visit.field("commandListBase", &commandListBase)
    try visit.field("fisBase", &fisBase)
    try visit.field("interruptStatus", &interruptStatus)
    try visit.field("interruptEnable", &interruptEnable)
    try visit.field("command", &command)
    try visit.field("currentSlot", &currentSlot, in: 0...31)
    try visit.field("nextSlot", &nextSlot, in: 0...31)
    try visit.field("sataControl", &sataControl)
    try visit.field("sataError", &sataError)
    try visit.field("sataActive", &sataActive)
    try visit.field("commandIssue", &commandIssue)
    try visit.field("signature", &signature)
    try visit.nested("drive", &drive)
    try visit.field("device", &device)
    try visit.field("isInSoftwareReset", &isInSoftwareReset)
    try visit.field("isHalted", &isHalted)
    try visit.field("owesSignature", &owesSignature)
    try visit.field("failedTag", &failedTag)
    try visit.field("failedStatus", &failedStatus)
    try visit.field("failedError", &failedError)
    try visit.field("failedSector", &failedSector)
  }
}
