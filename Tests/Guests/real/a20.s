# {
#   "description": "The A20 gate: with it closed bit 20 of physical addresses reads as zero",
#   "spec": "SDM 3A 8.7.13.4",
#   "mode": "real"
# }
main:
  mov ax, 0xffff
  mov fs, ax
  mov dword ptr fs:[0x4010], 0x12345678
  mov dword ptr [0x4000], 0
  EXPECT "gate open: FFFF:4010 is at 1 MiB + 4000h", fs:[0x4010], 0x12345678
  mov al, 0
  out PORT_A20, al
  mov dword ptr [0x4000], 0x55
  EXPECT "gate closed: FFFF:4010 is at 4000h", fs:[0x4010], 0x55
  mov al, 2
  out PORT_A20, al
  EXPECT "open again", fs:[0x4010], 0x12345678
  PASS
