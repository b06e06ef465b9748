// Differentiated system description table of the board: PCI root, ISA devices, interrupt links, sleep states.
// Compiled by Tools/gen-dsdt.sh. What differs between machines are three names that ACPITables.swift fills in; their
// values here only make the compiler reserve four bytes:
//   RBXC  bit 0-3: COM1-COM4 are there; bit 4: the floppy controller is there
//   RBPB, RBPE  first and last address of the PCI memory window below 4 GiB
// No External: the parser of SeaBIOS does not know it.
// Specifications: ACPI 6.4; PIIX3 data sheet (PIRQ routing registers 60h-63h of the ISA bridge).
DefinitionBlock ("", "DSDT", 2, "RNGBOX", "RBOXDSDT", 1)
{
    Name (RBXC, 0x10101010)
    Name (RBPB, 0xE0000000)
    Name (RBPE, 0xFEBFFFFF)

    // SLP_TYP 0 is soft off on PIIX4.
    Name (\_S5, Package () { 0, 0, 0, 0 })

    // 1 when the guest uses the I/O APIC.
    Name (\PICM, 0)
    Method (\_PIC, 1)
    {
        \PICM = Arg0
    }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)

            Name (CRES, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000,,, PW32)
            })
            Method (_CRS)
            {
                CreateDWordField (CRES, \_SB.PCI0.PW32._MIN, WMIN)
                CreateDWordField (CRES, \_SB.PCI0.PW32._MAX, WMAX)
                CreateDWordField (CRES, \_SB.PCI0.PW32._LEN, WLEN)
                WMIN = \RBPB
                WMAX = \RBPE
                WLEN = \RBPE - \RBPB + 1
                Return (CRES)
            }

            // Pin p (0 = INTA#) of slot s reaches PIRQ (s - 1 + p) mod 4. With the I/O APIC the PIRQs are inputs
            // 16-19; with the 8259A they go through the links below.
            Method (_PRT, 0, Serialized)
            {
                Local0 = Package (128) {}
                Local1 = 0
                While (Local1 < 128)
                {
                    Local2 = Local1 >> 2
                    Local3 = (Local1 + Local2 + 3) & 3
                    If (\PICM)
                    {
                        Local4 = Package (4) { 0, 0, 0, 0 }
                        Local4 [3] = Local3 + 16
                    }
                    ElseIf (Local3 == 0)
                    {
                        Local4 = Package (4) { 0, 0, ^ISA.LNKA, 0 }
                    }
                    ElseIf (Local3 == 1)
                    {
                        Local4 = Package (4) { 0, 0, ^ISA.LNKB, 0 }
                    }
                    ElseIf (Local3 == 2)
                    {
                        Local4 = Package (4) { 0, 0, ^ISA.LNKC, 0 }
                    }
                    Else
                    {
                        Local4 = Package (4) { 0, 0, ^ISA.LNKD, 0 }
                    }
                    Local4 [0] = (Local2 << 16) | 0xFFFF
                    Local4 [1] = Local1 & 3
                    Local0 [Local1] = Local4
                    Local1++
                }
                Return (Local0)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 4)
                Field (PIRQ, ByteAcc, NoLock, Preserve)
                {
                    PRQA, 8,
                    PRQB, 8,
                    PRQC, 8,
                    PRQD, 8
                }

                Name (PRES, ResourceTemplate () { IRQ (Level, ActiveLow, Shared) { 5, 10, 11 } })

                // Current setting of routing register Arg0: bit 7 means off.
                Method (CRSI, 1, Serialized)
                {
                    Name (CBUF, ResourceTemplate () { IRQ (Level, ActiveLow, Shared, IRQV) {} })
                    CreateWordField (CBUF, IRQV._INT, IMSK)
                    If (!(Arg0 & 0x80))
                    {
                        IMSK = 1 << (Arg0 & 0x0F)
                    }
                    Return (CBUF)
                }
                // Routing register value for the resource buffer Arg0.
                Method (SRSI, 1, Serialized)
                {
                    CreateWordField (Arg0, 1, IMSK)
                    FindSetRightBit (IMSK, Local0)
                    If (Local0 == 0)
                    {
                        Return (0x80)
                    }
                    Return (Local0 - 1)
                }
                Method (STAI, 1)
                {
                    If (Arg0 & 0x80)
                    {
                        Return (0x09)
                    }
                    Return (0x0B)
                }

                Device (LNKA)
                {
                    Name (_HID, EisaId ("PNP0C0F"))
                    Name (_UID, 1)
                    Method (_STA) { Return (STAI (PRQA)) }
                    Method (_PRS) { Return (PRES) }
                    Method (_CRS) { Return (CRSI (PRQA)) }
                    Method (_DIS) { PRQA = 0x80 }
                    Method (_SRS, 1) { PRQA = SRSI (Arg0) }
                }
                Device (LNKB)
                {
                    Name (_HID, EisaId ("PNP0C0F"))
                    Name (_UID, 2)
                    Method (_STA) { Return (STAI (PRQB)) }
                    Method (_PRS) { Return (PRES) }
                    Method (_CRS) { Return (CRSI (PRQB)) }
                    Method (_DIS) { PRQB = 0x80 }
                    Method (_SRS, 1) { PRQB = SRSI (Arg0) }
                }
                Device (LNKC)
                {
                    Name (_HID, EisaId ("PNP0C0F"))
                    Name (_UID, 3)
                    Method (_STA) { Return (STAI (PRQC)) }
                    Method (_PRS) { Return (PRES) }
                    Method (_CRS) { Return (CRSI (PRQC)) }
                    Method (_DIS) { PRQC = 0x80 }
                    Method (_SRS, 1) { PRQC = SRSI (Arg0) }
                }
                Device (LNKD)
                {
                    Name (_HID, EisaId ("PNP0C0F"))
                    Name (_UID, 4)
                    Method (_STA) { Return (STAI (PRQD)) }
                    Method (_PRS) { Return (PRES) }
                    Method (_CRS) { Return (CRSI (PRQD)) }
                    Method (_DIS) { PRQD = 0x80 }
                    Method (_SRS, 1) { PRQD = SRSI (Arg0) }
                }

                Device (PIC)
                {
                    Name (_HID, EisaId ("PNP0000"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x20, 0x20, 0, 2)
                        IO (Decode16, 0xA0, 0xA0, 0, 2)
                        IO (Decode16, 0x4D0, 0x4D0, 0, 2)
                        IRQNoFlags () { 2 }
                    })
                }
                Device (TMR)
                {
                    Name (_HID, EisaId ("PNP0100"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x40, 0x40, 0, 4)
                        IRQNoFlags () { 0 }
                    })
                }
                Device (DMAC)
                {
                    Name (_HID, EisaId ("PNP0200"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x00, 0x00, 0, 0x10)
                        IO (Decode16, 0x81, 0x81, 0, 0x0F)
                        IO (Decode16, 0xC0, 0xC0, 0, 0x20)
                        DMA (Compatibility, NotBusMaster, Transfer8_16) { 4 }
                    })
                }
                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x70, 0x70, 0, 4)
                        IRQNoFlags () { 8 }
                    })
                }
                Device (SPKR)
                {
                    Name (_HID, EisaId ("PNP0800"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x61, 0x61, 0, 1) })
                }
                Device (FPU)
                {
                    Name (_HID, EisaId ("PNP0C04"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0xF0, 0xF0, 0, 0x10)
                        IRQNoFlags () { 13 }
                    })
                }
                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 0, 1)
                        IO (Decode16, 0x64, 0x64, 0, 1)
                        IRQNoFlags () { 1 }
                    })
                }
                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () { 12 } })
                }
                Device (FDC0)
                {
                    Name (_HID, EisaId ("PNP0700"))
                    Method (_STA)
                    {
                        If (\RBXC & 0x10)
                        {
                            Return (0x0F)
                        }
                        Return (0)
                    }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3F2, 0x3F2, 0, 4)
                        IO (Decode16, 0x3F7, 0x3F7, 0, 1)
                        IRQNoFlags () { 6 }
                        DMA (Compatibility, NotBusMaster, Transfer8) { 2 }
                    })
                }
                // Whether port Arg0 (0 = COM1) is there.
                Method (COMP, 1)
                {
                    If ((\RBXC >> Arg0) & 1)
                    {
                        Return (0x0F)
                    }
                    Return (0)
                }
                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Method (_STA) { Return (COMP (0)) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3F8, 0x3F8, 0, 8)
                        IRQNoFlags () { 4 }
                    })
                }
                Device (COM2)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 2)
                    Method (_STA) { Return (COMP (1)) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x2F8, 0x2F8, 0, 8)
                        IRQNoFlags () { 3 }
                    })
                }
                Device (COM3)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 3)
                    Method (_STA) { Return (COMP (2)) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x3E8, 0x3E8, 0, 8)
                        IRQNoFlags () { 4 }
                    })
                }
                Device (COM4)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 4)
                    Method (_STA) { Return (COMP (3)) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x2E8, 0x2E8, 0, 8)
                        IRQNoFlags () { 3 }
                    })
                }
                Device (FWCF)
                {
                    Name (_HID, "QEMU0002")
                    Name (_STA, 0x0B)
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x510, 0x510, 1, 0x0C) })
                }
                // Ports of power management, which no other device may be given.
                Device (MBRD)
                {
                    Name (_HID, EisaId ("PNP0C02"))
                    Name (_UID, 1)
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0xB2, 0xB2, 0, 2)
                        IO (Decode16, 0x92, 0x92, 0, 1)
                        IO (Decode16, 0x600, 0x600, 0, 0x40)
                        IO (Decode16, 0xAFE0, 0xAFE0, 0, 4)
                    })
                }
            }
        }

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, 0xFED00000, 0x400) })
        }
    }

    Scope (\_GPE)
    {
        Name (_HID, "ACPI0006")
    }
}
