import Base
import DeviceKit
import Devices
import HostNetwork
import HostSystem
import Synchronization

/// The network cards of a machine, on the board and on the host's side.
final class Network: Sendable {
  /// A card as the board has it, whatever its model.
  struct Card: Sendable {
    /// For people and commands: `nic0`.
    var name: String
    var address: MACAddress
    var component: any MachineComponent
    var adapter: NetworkAdapter
    var setLink: @Sendable (Bool) -> Void
    var receive: @Sendable ([NetworkFrame]) -> Void
    var waitingFrames: @Sendable () -> Int
    /// Frames wait, and the card does not hear of them.
    var holdFrames: @Sendable (Bool) -> Void
    /// Frames that wait in front of the card, in their order.
    var savedFrames: @Sendable () -> [NetworkFrame]
    var configuration: MachineConfiguration.NetworkCard
  }
  /// What cards share that are in a group, by the group's name.
  let groups: [String: RateLimit]
  let cards: [Card]
  /// Cards whose cable is out for a moment after the machine has come back.
  private let replugging = Mutex<Set<String>>([])

  /// What is known of a card before it is put on the board.
  struct Plan: Sendable {
    var name: String
    var address: MACAddress
    var configuration: MachineConfiguration.NetworkCard
    var adapter: NetworkAdapter
    var rom: OptionROM?
  }

  /// Opens what every card is attached to.
  static func plan(_ configuration: MachineConfiguration) throws(MachineError) -> [Plan] {
    var plans: [Plan] = []
    do throws(MachineError) {
      for (index, card) in configuration.network.enumerated() {
        let address = card.mac ?? MACAddress.generated(HostEntropy.bytes(3))
        let adapter = try adapter(card, address, machine: configuration.name)
        plans.append(
          Plan(
            name: "nic\(index)", address: address, configuration: card, adapter: adapter,
            rom: try rom(card, directBoot: configuration.kernel != nil)))
      }
    } catch {
      for plan in plans { plan.adapter.close() }
      throw error
    }
    return plans
  }

  private static func adapter(
    _ card: MachineConfiguration.NetworkCard, _ address: MACAddress, machine: String
  ) throws(MachineError) -> NetworkAdapter {
    do throws(NetworkError) {
      let attachment: any NetworkAttachment
      switch card.attachment {
      case .null: attachment = NullAttachment()
      case .nat(var nat):
        if nat.hostName == nil { nat.hostName = machine }
        attachment = try NATAttachment(nat)
      case .internalNetwork(let name):
        let role: SwitchAttachment.Role =
          switch card.promiscuous {
          case .deny: .card
          case .allowNetwork: .listensToCards
          case .allowAll: .listensToAll
          }
        attachment = try SwitchAttachment(network: name, role: role)
      case .bridged(let interface):
        attachment = try TapAttachment(interface: interface, address: address.bytes)
      case .tunnel(let local, let remote): attachment = try TunnelAttachment(local: local, remote: remote)
      }
      let trace: PcapTrace?
      if let path = card.trace { trace = try PcapTrace(path) } else { trace = nil }
      return NetworkAdapter(
        attachment, address: address.bytes, policy: card.promiscuous, trace: trace, isConnected: card.isConnected)
    } catch {
      throw MachineError(.host, "network: \(error.description)")
    }
  }

  private static func rom(
    _ card: MachineConfiguration.NetworkCard, directBoot: Bool
  ) throws(MachineError) -> OptionROM? {
    let (file, vendor, device): (String, UInt16, UInt16) =
      switch card.model {
      case .virtio: ("virtio", 0x1af4, 0x1041)
      case .e1000: ("e1000", 0x8086, 0x100e)
      case .i82545em: ("e1000", 0x8086, 0x100f)
      case .i82543gc: ("e1000", 0x8086, 0x1004)
      case .pcnet: ("pcnet", 0x1022, 0x2000)
      }
    switch card.bootROM {
    case .none: return nil
    case .automatic:
      guard !directBoot,
        let bytes = try? WholeFile.read("/usr/lib/ipxe/qemu/pxe-\(file).rom", maximum: OptionROM.limit)
      else { return nil }
      return OptionROM(bytes, vendor: vendor, device: device)
    case .file(let path):
      let bytes: [UInt8]
      do throws(FileError) {
        bytes = try WholeFile.read(path, maximum: OptionROM.limit)
      } catch { throw .unreadable("network boot ROM", error) }
      guard let rom = OptionROM(bytes, vendor: vendor, device: device) else {
        throw MachineError(.file, "network boot ROM '\(path)': is no PCI expansion ROM")
      }
      return rom
    }
  }

  /// Puts the cards on the PCI bus, from slot `firstSlot` on.
  init(_ plans: [Plan], _ services: MachineServices, _ pci: PCIBus, firstSlot: Int) throws(BusError) {
    var cards: [Card] = []
    var groups: [String: RateLimit] = [:]
    for (index, plan) in plans.enumerated() {
      let slot = firstSlot + index
      switch plan.configuration.model {
      case .virtio:
        let device = VirtioNet(VirtioNetFunction(name: plan.name, mac: plan.address), rom: plan.rom)
        cards.append(try Network.plug(device, plan, services, pci, slot, line: "intx"))
      case .e1000, .i82545em, .i82543gc:
        let model: E1000.Model =
          switch plan.configuration.model {
          case .i82545em: .i82545EM
          case .i82543gc: .i82543GC
          default: .i82540EM
          }
        let device = E1000(name: plan.name, model: model, mac: plan.address, rom: plan.rom)
        cards.append(try Network.plug(device, plan, services, pci, slot, line: "inta"))
      case .pcnet:
        let device = PCnet(name: plan.name, mac: plan.address, rom: plan.rom)
        cards.append(try Network.plug(device, plan, services, pci, slot, line: "inta"))
      }
    }
    self.cards = cards
    for group in plans.compactMap(\.configuration.rateGroup) where groups[group.name] == nil {
      groups[group.name] = RateLimit(bitsPerSecond: group.bitsPerSecond)
    }
    self.groups = groups
  }

  private static func plug<D: PCIDevice>(
    _ device: D, _ plan: Plan, _ services: MachineServices, _ pci: PCIBus, _ slot: Int, line: String
  ) throws(BusError) -> Card {
    let component = try DeviceSlot(device, machine: services, network: plan.adapter)
    pci.plug(component, device: slot, interruptOutput: line)
    if !plan.configuration.isConnected { component.setLink(false) }
    return Card(
      name: plan.name, address: plan.address, component: component, adapter: plan.adapter,
      setLink: { [weak component] isUp in component?.setLink(isUp) },
      receive: { [weak component] frames in component?.receive(frames) },
      waitingFrames: { [weak component] in component?.waitingFrames ?? 0 },
      holdFrames: { [weak component] isHeld in component?.holdFrames(isHeld) },
      savedFrames: { [weak component] in component?.savedFrames ?? [] }, configuration: plan.configuration)
  }

  /// Lets frames flow.
  func start() throws(MachineError) {
    for card in cards {
      let limit = card.configuration.rateGroup.flatMap { groups[$0.name] }
      do throws(NetworkError) {
        try card.adapter.start(
          NetworkAdapter.Card(receive: card.receive, waitingFrames: card.waitingFrames),
          bitsPerSecond: card.configuration.bitsPerSecond, group: limit)
      } catch { throw .host("network", error.description) }
    }
  }
  /// Pulls every cable that is in, and says whether there was one. What cards were connected with on the host's side is
  /// another thing after a machine has come back: seeing the link go and come, guests renew their leases, and look anew.
  func pullCables() -> Bool {
    let connected = cards.filter(\.adapter.isLinkUp)
    replugging.withLock { $0 = Set(connected.map(\.name)) }
    // What was on its way when the machine was saved reaches the card when its cable is in again.
    for card in connected {
      card.holdFrames(true)
      set(card, isUp: false)
    }
    for card in cards where !card.adapter.isLinkUp && !connected.contains(where: { $0.name == card.name }) {
      card.holdFrames(false)
    }
    return !connected.isEmpty
  }
  /// Puts those back that nobody has moved since.
  func replugCables() {
    let names = replugging.withLock { names in
      defer { names = [] }
      return names
    }
    for card in cards where names.contains(card.name) {
      set(card, isUp: true)
      card.holdFrames(false)
    }
  }
  func setLink(_ card: Card, isUp: Bool) {
    let wasReplugging = replugging.withLock { $0.remove(card.name) != nil }
    set(card, isUp: isUp)
    if wasReplugging { card.holdFrames(false) }
  }

  /// Frames stay where they are from now on, so that a state can be saved.
  func hold() {
    for card in cards {
      card.adapter.hold(true)
      card.holdFrames(true)
    }
  }
  /// Ends `hold`. Cards whose cable is out for a moment go on waiting for it.
  func release() {
    let waiting = replugging.withLock { $0 }
    for card in cards {
      if !waiting.contains(card.name) { card.holdFrames(false) }
      card.adapter.hold(false)
    }
  }
  private func set(_ card: Card, isUp: Bool) {
    card.adapter.isLinkUp = isUp
    card.setLink(isUp)
  }
  /// Ends every connection and thread. Not from a device.
  func close() { for card in cards { card.adapter.close() } }

  func card(named name: String) throws(MachineError) -> Card {
    if let card = cards.first(where: { $0.name == name }) { return card }
    let names = cards.isEmpty ? "none" : cards.map(\.name).joined(separator: ", ")
    throw MachineError(.configuration, "no network card '\(name)' (there are: \(names))")
  }
}

// MARK: From outside

extension Machine {
  /// Plugs the cable of a card in or out.
  public func setLink(card name: String, isUp: Bool) throws(MachineError) {
    network.setLink(try network.card(named: name), isUp: isUp)
  }
  /// Adds a port forward (`tcp:127.0.0.1:2222-:22`) to a card behind a NAT, or takes it away.
  public func changeForward(card name: String, _ rule: String, add: Bool) throws(MachineError) {
    let card = try network.card(named: name)
    guard let nat = card.adapter.attachment as? NATAttachment else {
      throw MachineError(.configuration, "\(name) is not behind a NAT")
    }
    guard state != .stopped else { throw MachineError(.state, "the machine has stopped") }
    do throws(NetworkError) {
      let forward = try PortForward(parsing: rule)
      if add { try nat.add(forward) } else { try nat.remove(forward) }
    } catch {
      throw MachineError(.host, error.description)
    }
  }
  /// Writes what passes a card into a file from now on, or with nil no longer into any.
  public func setTrace(card name: String, path: String?) throws(MachineError) {
    let card = try network.card(named: name)
    guard state != .stopped else { throw MachineError(.state, "the machine has stopped") }
    do throws(NetworkError) {
      try card.adapter.setTrace(path.map { path throws(NetworkError) in try PcapTrace(path) })
    } catch { throw MachineError(.host, error.description) }
  }
  /// Changes what a card hears that is not for it. What it hears of an internal network is agreed with the network's other
  /// ports when it joins.
  public func setPromiscuous(card name: String, _ word: String) throws(MachineError) {
    guard let policy = NetworkAdapter.PromiscuousPolicy(rawValue: word) else {
      let words = NetworkAdapter.PromiscuousPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw MachineError(.configuration, "unknown policy '\(word)' (there are: \(words))")
    }
    let adapter = try network.card(named: name).adapter
    guard !(adapter.attachment is SwitchAttachment) else {
      throw MachineError(.state, "\(name) is on an internal network: what it hears there is settled at the start")
    }
    adapter.policy = policy
  }
  /// Changes what the cards of a group may send together, or its disks transfer; 0: no limit.
  public func limitGroup(_ name: String, bitsPerSecond rate: Int64) throws(MachineError) {
    guard MachineConfiguration.NetworkCard.RateGroup.isPossible(rate) else {
      throw MachineError(.configuration, "a rate must be 1000 to 1000000000000 bits a second, or 0 for none")
    }
    let cards = network.groups[name], disks = storage.limits[name]
    guard cards != nil || disks != nil else {
      throw MachineError(.configuration, "no network card and no disk is in a group '\(name)'")
    }
    cards?.change(bitsPerSecond: UInt64(rate))
    disks?.change(bytesPerSecond: (UInt64(rate) + 7) / 8, now: HostClock.monotonicNanoseconds)
  }
  /// The network cards: name, address, link, attachment, traffic.
  public var networkStatus: JSON {
    .array(
      network.cards.map { card in
        let counters = card.adapter.counters
        let forwards = (card.adapter.attachment as? NATAttachment)?.activeForwards ?? []
        return .object([
          "name": .string(card.name), "mac": .string(card.address.description),
          "model": .string(card.configuration.model.rawValue), "link": .bool(card.adapter.isLinkUp),
          "attachment": .string(card.adapter.attachment.summary),
          "hostForwards": .array(forwards.map { .string($0.description) }),
          "sentFrames": .integer(Int64(clamping: counters.sentFrames)),
          "sentBytes": .integer(Int64(clamping: counters.sentBytes)),
          "receivedFrames": .integer(Int64(clamping: counters.receivedFrames)),
          "receivedBytes": .integer(Int64(clamping: counters.receivedBytes)),
        ])
      })
  }
}
