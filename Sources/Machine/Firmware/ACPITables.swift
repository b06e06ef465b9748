struct ACPITables: Sendable { var tables: [UInt8] = []; var rsdp: [UInt8] = []; var loader: [UInt8] = [] }
