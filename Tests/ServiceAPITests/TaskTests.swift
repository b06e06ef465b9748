import Base
import HostSystem
import Service
import Synchronization
import Testing

@testable import ServiceAPI

/// Long work and what is told of it.
@Suite struct TaskTests {
  private func wait(_ task: WorkTask) -> JSON {
    for _ in 0..<3000 where task.isRunning { HostPause.wait(milliseconds: 10) }
    return task.json
  }

  @Test func workReportsProgressAndItsResult() throws {
    let events = EventHub(), kinds = Mutex<[String]>([])
    let subscription = events.listen { event in kinds.withLock { $0.append(event.kind) } }
    defer { subscription.cancel() }
    let task = try TaskList(events: events).start("Work") { task throws(ServiceError) in
      for _ in 0..<3 { _ = task.proceed(1, 2) }
      return ["path": "/x"]
    }
    let json = wait(task)
    #expect(json["state"] == "done" && json["percent"] == 100 && json["result"]?["path"] == "/x")
    for _ in 0..<500 where kinds.withLock({ $0.last }) != "task.ended" { HostPause.wait(milliseconds: 10) }
    // The same figure again is no news.
    #expect(kinds.withLock { $0 } == ["task.started", "task.progress", "task.ended"])
  }
  @Test func cancelledWorkStopsAndSaysSo() throws {
    let tasks = TaskList(events: EventHub())
    let task = try tasks.start("Work", canCancel: true) { task throws(ServiceError) in
      while task.proceed(0, 1) { HostPause.wait(milliseconds: 1) }
      throw ServiceError(.failure, "stopped")
    }
    #expect(tasks.isBusy)
    task.cancel()
    #expect(wait(task)["state"] == "cancelled")
    #expect(!tasks.isBusy)
  }
  @Test func failuresKeepTheirCode() throws {
    let task = try TaskList(events: EventHub()).start("Work") { _ throws(ServiceError) in
      throw ServiceError(.objectNotFound, "Nothing there", .medium)
    }
    let json = wait(task)
    #expect(json["state"] == "failed" && json["error"]?["code"] == "VBOX_E_OBJECT_NOT_FOUND")
  }
  @Test func listenersHearWhatTheyMissed() {
    let events = EventHub(), numbers = Mutex<[Int64]>([])
    for _ in 0..<5 { events.publish("x") }
    let subscription = events.listen(after: 3) { event in numbers.withLock { $0.append(event.number) } }
    events.publish("x")
    subscription.cancel()
    events.publish("x")
    #expect(numbers.withLock { $0 } == [4, 5, 6])
  }
  @Test func base64IsDecoded() {
    #expect(Base64.decode("") == [])
    #expect(Base64.decode("aGk=") == Array("hi".utf8))
    #expect(Base64.decode("+/8=") == [0xfb, 0xff])
    #expect(Base64.decode("a*b=") == nil)
  }
}
