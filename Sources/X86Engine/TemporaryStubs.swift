// Stand-ins for what the interpreter brings: dropped on merge.
extension Cpu {
  var rflags: UInt64 { s.systemFlags | s.flagsAux }
  func setRFLAGS(_ value: UInt64) {
    s.systemFlags = value & RFLAGS.defined & ~RFLAGS.status | 2
    s.flagsAux = value & RFLAGS.status
  }
  var statusFlags: UInt64 {
    get { s.flagsAux }
    nonmutating set { s.flagsAux = newValue & RFLAGS.status }
  }
}
