import Synchronization

/// A fixed number of 16-bit handler indexes that readers load without a lock. 0 means "nobody".
// SAFETY(type): allocated and initialised for `count` elements in init, freed in deinit, every element atomic: hence
// @unchecked Sendable. Indexes are checked before each use.
@safe final class HandlerIndexTable: @unchecked Sendable {
  let count: Int
  private let slots: UnsafeMutablePointer<Atomic<UInt16>>

  init(count: Int) {
    self.count = count
    // SAFETY: each of the `count` elements is initialised exactly once before anyone can see the table.
    unsafe slots = .allocate(capacity: count)
    for index in 0..<count { unsafe (slots + index).initialize(to: Atomic(0)) }
  }
  deinit {
    // SAFETY: the last reference is gone, so no reader is left.
    unsafe slots.deinitialize(count: count)
    unsafe slots.deallocate()
  }
  subscript(index: Int) -> UInt16 {
    get {
      guard index >= 0, index < count else { return 0 }
      // SAFETY: checked above.
      return unsafe slots[index].load(ordering: .acquiring)
    }
    set {
      guard index >= 0, index < count else { return }
      // SAFETY: checked above.
      unsafe slots[index].store(newValue, ordering: .releasing)
    }
  }
}

/// Objects that are only ever appended; readers load them without a lock.
///
/// An element is published by its index reaching the reader through a release/acquire pair (`HandlerIndexTable`, or
/// the count kept here).
// SAFETY(type): elements below `published` are initialised and never change; writers are serialised by the owner's lock:
// hence @unchecked Sendable. Readers check their index against `published`.
@safe final class AppendOnlyTable<Element: AnyObject & Sendable>: @unchecked Sendable {
  private let capacity: Int
  private let published = Atomic<Int>(0)
  private let elements: UnsafeMutablePointer<Element>

  init(capacity: Int) {
    self.capacity = capacity
    // SAFETY: elements become initialised one by one in `append`.
    unsafe elements = .allocate(capacity: capacity)
  }
  deinit {
    // SAFETY: exactly `published` elements are initialised.
    unsafe elements.deinitialize(count: published.load(ordering: .acquiring))
    unsafe elements.deallocate()
  }
  var count: Int { published.load(ordering: .acquiring) }
  /// The element, or nil for an index never handed out.
  subscript(index: Int) -> Element? {
    guard index >= 0, index < published.load(ordering: .acquiring) else { return nil }
    // SAFETY: below `published`.
    return unsafe elements[index]
  }
  /// Appends what `make` builds for the new index; nil when full. Callers hold the owner's lock.
  func append(_ make: (Int) -> Element) -> Element? {
    let index = published.load(ordering: .relaxed)
    guard index < capacity else { return nil }
    let element = make(index)
    // SAFETY: `index` is inside the allocation and not yet initialised.
    unsafe (elements + index).initialize(to: element)
    published.store(index + 1, ordering: .releasing)
    return element
  }
}
