public enum Op: UInt16, Sendable, CaseIterable { case invalid }
