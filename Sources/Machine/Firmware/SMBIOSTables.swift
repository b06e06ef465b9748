struct SMBIOSTables: Sendable { var tables: [UInt8] = []; var anchor: [UInt8] = [] }
