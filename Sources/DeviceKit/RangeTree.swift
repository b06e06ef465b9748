/// Disjoint closed address ranges in an AVL tree (height-balanced), keyed by their lower end.
///
/// Nodes live in one array and refer to each other by index, so that a copy is plain and nothing is counted.
struct RangeTree<Value> {
  private struct Node {
    var lower: UInt64
    var upper: UInt64
    var value: Value
    var left = -1
    var right = -1
    var height = 1
  }
  private var nodes: [Node] = []
  private var free: [Int] = []
  private var root = -1

  var isEmpty: Bool { root < 0 }

  /// The range that holds `address`.
  func find(_ address: UInt64) -> Value? { firstOverlap(address, address) }

  /// The lowest range that shares an address with `lower...upper`.
  func firstOverlap(_ lower: UInt64, _ upper: UInt64) -> Value? {
    var best: Int?
    var at = root
    while at >= 0 {
      if nodes[at].upper >= lower {
        best = at
        at = nodes[at].left
      } else {
        at = nodes[at].right
      }
    }
    guard let best, nodes[best].lower <= upper else { return nil }
    return nodes[best].value
  }

  /// Adds a range; returns the value of a range in the way instead, and then changes nothing.
  mutating func insert(_ lower: UInt64, _ upper: UInt64, _ value: Value) -> Value? {
    if let other = firstOverlap(lower, upper) { return other }
    let node = Node(lower: lower, upper: upper, value: value)
    let index: Int
    if let reused = free.popLast() {
      nodes[reused] = node
      index = reused
    } else {
      index = nodes.count
      nodes.append(node)
    }
    root = inserting(index, under: root)
    return nil
  }

  /// Removes the range that starts at `lower`, if there is one.
  mutating func remove(_ lower: UInt64) {
    var removed: Int?
    root = removing(lower, under: root, &removed)
    if let removed { free.append(removed) }
  }

  /// Lower ends in order; for checks.
  var ranges: [ClosedRange<UInt64>] {
    var result: [ClosedRange<UInt64>] = []
    var stack: [Int] = []
    var at = root
    while at >= 0 || !stack.isEmpty {
      while at >= 0 {
        stack.append(at)
        at = nodes[at].left
      }
      guard let top = stack.popLast() else { break }
      result.append(nodes[top].lower...nodes[top].upper)
      at = nodes[top].right
    }
    return result
  }
  /// Longest path from the root; for checks.
  var height: Int { height(root) }

  private func height(_ at: Int) -> Int { at < 0 ? 0 : nodes[at].height }

  private mutating func inserting(_ index: Int, under at: Int) -> Int {
    guard at >= 0 else { return index }
    if nodes[index].lower < nodes[at].lower {
      nodes[at].left = inserting(index, under: nodes[at].left)
    } else {
      nodes[at].right = inserting(index, under: nodes[at].right)
    }
    return balanced(at)
  }

  private mutating func removing(_ lower: UInt64, under at: Int, _ removed: inout Int?) -> Int {
    guard at >= 0 else { return at }
    if lower < nodes[at].lower {
      nodes[at].left = removing(lower, under: nodes[at].left, &removed)
    } else if lower > nodes[at].lower {
      nodes[at].right = removing(lower, under: nodes[at].right, &removed)
    } else {
      removed = at
      guard nodes[at].left >= 0 else { return nodes[at].right }
      guard nodes[at].right >= 0 else { return nodes[at].left }
      // Two children: the next range in order takes this place.
      var successor = nodes[at].right
      while nodes[successor].left >= 0 { successor = nodes[successor].left }
      var taken: Int?
      let right = removing(nodes[successor].lower, under: nodes[at].right, &taken)
      nodes[successor].left = nodes[at].left
      nodes[successor].right = right
      return balanced(successor)
    }
    return balanced(at)
  }

  private mutating func balanced(_ at: Int) -> Int {
    let balance = height(nodes[at].left) - height(nodes[at].right)
    if balance > 1 {
      let left = nodes[at].left
      if height(nodes[left].left) < height(nodes[left].right) { nodes[at].left = rotatedLeft(left) }
      return rotatedRight(at)
    }
    if balance < -1 {
      let right = nodes[at].right
      if height(nodes[right].right) < height(nodes[right].left) { nodes[at].right = rotatedRight(right) }
      return rotatedLeft(at)
    }
    measure(at)
    return at
  }
  private mutating func rotatedLeft(_ at: Int) -> Int {
    let top = nodes[at].right
    nodes[at].right = nodes[top].left
    nodes[top].left = at
    measure(at)
    measure(top)
    return top
  }
  private mutating func rotatedRight(_ at: Int) -> Int {
    let top = nodes[at].left
    nodes[at].left = nodes[top].right
    nodes[top].right = at
    measure(at)
    measure(top)
    return top
  }
  private mutating func measure(_ at: Int) {
    nodes[at].height = 1 + max(height(nodes[at].left), height(nodes[at].right))
  }
}
