import NIOCore

extension Instant {
  /// The time of NIO's monotonic clock, the one that ``DeadlineTimer`` goes by.
  public static var now: Instant { Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds) }
}

/// Wakes a shard at its next deadline: one scheduled task of the event loop for all its transactions. To be used on that
/// event loop only.
public final class DeadlineTimer {
  private let eventLoop: any EventLoop
  private let onDeadline: (Instant) -> Void
  private var scheduled: (task: Scheduled<Void>, deadline: Instant)?

  /// `onDeadline` gets the time; it advances its values and arms the timer again. It owns the timer's owner weakly, or
  /// not at all.
  public init(eventLoop: any EventLoop, onDeadline: @escaping (Instant) -> Void) {
    self.eventLoop = eventLoop
    self.onDeadline = onDeadline
  }

  /// Asks to be woken at `deadline`, or not at all. A task that is scheduled for earlier is left alone: deadlines mostly
  /// move back, and waking for nothing is cheaper than scheduling anew for each message.
  public func arm(for deadline: Instant?) {
    eventLoop.preconditionInEventLoop()
    guard let deadline else {
      cancel()
      return
    }
    if let scheduled {
      if scheduled.deadline <= deadline { return }
      scheduled.task.cancel()
    }
    let task = eventLoop.assumeIsolated().scheduleTask(
      deadline: NIODeadline.uptimeNanoseconds(min(deadline.nanoseconds, UInt64(Int64.max)))
    ) { [weak self] in
      guard let self else { return }
      self.scheduled = nil
      self.onDeadline(.now)
    }
    scheduled = (task, deadline)
  }

  public func cancel() {
    scheduled?.task.cancel()
    scheduled = nil
  }
}
