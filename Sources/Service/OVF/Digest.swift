/// The digests that manifests of appliances hold: SHA-1 and SHA-256 (FIPS 180-4), of bytes that come piece by piece.
struct Digest {
  enum Kind: String, Sendable, CaseIterable { case sha1 = "SHA1", sha256 = "SHA256" }

  private let kind: Kind
  private var state: [UInt32]
  private var schedule: [UInt32]
  private var rest: [UInt8] = []
  private var count: UInt64 = 0

  init(_ kind: Kind) {
    self.kind = kind
    switch kind {
    case .sha1: state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    case .sha256:
      state = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
      ]
    }
    schedule = [UInt32](repeating: 0, count: kind == .sha1 ? 80 : 64)
  }

  mutating func add(_ bytes: [UInt8]) {
    count += UInt64(bytes.count)
    var start = 0
    if !rest.isEmpty {
      start = min(64 - rest.count, bytes.count)
      rest += bytes[..<start]
      guard rest.count == 64 else { return }
      let block = rest
      rest = []
      mix(block, 0)
    }
    while bytes.count - start >= 64 {
      mix(bytes, start)
      start += 64
    }
    rest = Array(bytes[start...])
  }
  /// Lower-case hexadecimal.
  mutating func finish() -> String {
    let bits = count &* 8
    var padding: [UInt8] = [0x80]
    while (rest.count + padding.count) % 64 != 56 { padding.append(0) }
    padding += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * $0)) }
    add(padding)
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func mix(_ bytes: [UInt8], _ start: Int) {
    for index in 0..<16 {
      let place = start + 4 * index
      schedule[index] =
        UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16 | UInt32(bytes[place + 2]) << 8
        | UInt32(bytes[place + 3])
    }
    if kind == .sha1 { mixSHA1() } else { mixSHA256() }
  }
  private static func left(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
  private static func right(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }

  private mutating func mixSHA1() {
    for index in 16..<80 {
      schedule[index] = Digest.left(
        schedule[index - 3] ^ schedule[index - 8] ^ schedule[index - 14] ^ schedule[index - 16], 1)
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let function: UInt32
      let constant: UInt32
      switch index {
      case 0..<20: (function, constant) = (b & c | ~b & d, 0x5a82_7999)
      case 20..<40: (function, constant) = (b ^ c ^ d, 0x6ed9_eba1)
      case 40..<60: (function, constant) = (b & c | b & d | c & d, 0x8f1b_bcdc)
      default: (function, constant) = (b ^ c ^ d, 0xca62_c1d6)
      }
      let next = Digest.left(a, 5) &+ function &+ e &+ constant &+ schedule[index]
      (e, d, c, b, a) = (d, c, Digest.left(b, 30), a, next)
    }
    for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
  }

  private mutating func mixSHA256() {
    for index in 16..<64 {
      let x = schedule[index - 15], y = schedule[index - 2]
      let low = Digest.right(x, 7) ^ Digest.right(x, 18) ^ x >> 3
      let high = Digest.right(y, 17) ^ Digest.right(y, 19) ^ y >> 10
      schedule[index] = schedule[index - 16] &+ low &+ schedule[index - 7] &+ high
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let high = Digest.right(e, 6) ^ Digest.right(e, 11) ^ Digest.right(e, 25)
      let first = h &+ high &+ (e & f ^ ~e & g) &+ Digest.constants[index] &+ schedule[index]
      let low = Digest.right(a, 2) ^ Digest.right(a, 13) ^ Digest.right(a, 22)
      let second = low &+ (a & b ^ a & c ^ b & c)
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
    }
    for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
  }

  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}
