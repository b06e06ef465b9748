extension I8042 {
  /// Bytes of key strokes that the guest has not read: whoever types faster than it reads loses keys.
  public var waitingKeyBytes: Int { state.keyboard.keys.count }
}
