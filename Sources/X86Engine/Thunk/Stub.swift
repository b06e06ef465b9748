extension Interp {
  enum XSAVEForm { case standard, optimised, compacted, supervisor }
  func nativeThunk() throws(Fault) { throw .invalidOpcode }
  func fxsave() throws(Fault) { throw .invalidOpcode }
  func fxrstor() throws(Fault) { throw .invalidOpcode }
  func loadMXCSR() throws(Fault) { throw .invalidOpcode }
  func storeMXCSR() throws(Fault) { throw .invalidOpcode }
  func xsave(_ f: XSAVEForm) throws(Fault) { throw .invalidOpcode }
  func xrstor(supervisor: Bool) throws(Fault) { throw .invalidOpcode }
}
