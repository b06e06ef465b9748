// A jailed child process that runs single instructions natively and reports the full processor state after each.
#ifndef RINGBOX_CORACLE_H
#define RINGBOX_CORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Linear addresses in the child. The 16-bit segments cover [ORACLE_BASE, ORACLE_BASE + 64 KiB).
#define ORACLE_BASE 0x10000000u
// Two pages that the case may write, then one that it may only read, then nothing.
#define ORACLE_DATA 0x10004000u
#define ORACLE_DATA_BYTES 0x2000u
#define ORACLE_READ_ONLY 0x10006000u
// Two pages of code, nothing on either side.
#define ORACLE_CODE 0x10008000u
#define ORACLE_CODE_SIZE 0x2000u
#define ORACLE_FS_BASE 0x10004800u
#define ORACLE_GS_BASE 0x0fff0000u

enum {
  ORACLE_SLOTS = 64,
  ORACLE_BATCH = 32,
  ORACLE_TEMPLATES = 64,
  ORACLE_PATCHES = 4,
  ORACLE_PATCH_BYTES = 64,
  ORACLE_CODE_BYTES = 512,
  ORACLE_MODE_16 = 0,
  ORACLE_MODE_32 = 1,
  ORACLE_MODE_64 = 2,
  ORACLE_SINGLE_STEP = 0x100,
};

// Processor state as both executors load and return it. Mirrored by `ProcessorImage` in Oracle.
typedef struct {
  uint64_t general[16];
  uint64_t rip;
  uint64_t rflags;
  uint32_t mxcsr;
  uint32_t mode;
  uint32_t memory_template;
  uint32_t code_offset;
  // FXSAVE image, bytes 0...159; bytes 24...31 unused.
  uint64_t x87[20];
  uint64_t opmasks[8];
  uint64_t vectors[32][8];
} oracle_state;

typedef struct {
  uint32_t offset;
  uint32_t length;
  uint8_t bytes[ORACLE_PATCH_BYTES];
} oracle_patch;

typedef struct {
  oracle_state input;
  uint32_t code_length;
  uint32_t patch_count;
  uint8_t code[ORACLE_CODE_BYTES];
  oracle_patch patches[ORACLE_PATCHES];
  // Results: trap number, error code, CR2 as the kernel reports them; whether `memory` was filled in.
  uint32_t trap;
  uint32_t error_code;
  uint64_t fault_address;
  uint32_t memory_changed;
  uint32_t reserved;
  oracle_state output;
  uint8_t memory[ORACLE_DATA_BYTES] __attribute__((aligned(64)));
} oracle_slot;

// Where Swift, which does not import arrays this large, finds the parts of a slot.
enum {
  ORACLE_SLOT_BYTES = sizeof(oracle_slot),
  ORACLE_SLOT_CODE_LENGTH = offsetof(oracle_slot, code_length),
  ORACLE_SLOT_CODE = offsetof(oracle_slot, code),
  ORACLE_SLOT_PATCH_COUNT = offsetof(oracle_slot, patch_count),
  ORACLE_SLOT_PATCHES = offsetof(oracle_slot, patches),
  ORACLE_SLOT_TRAP = offsetof(oracle_slot, trap),
  ORACLE_SLOT_ERROR_CODE = offsetof(oracle_slot, error_code),
  ORACLE_SLOT_FAULT_ADDRESS = offsetof(oracle_slot, fault_address),
  ORACLE_SLOT_MEMORY_CHANGED = offsetof(oracle_slot, memory_changed),
  ORACLE_SLOT_OUTPUT = offsetof(oracle_slot, output),
  ORACLE_SLOT_MEMORY = offsetof(oracle_slot, memory),
  ORACLE_STATE_BYTES = sizeof(oracle_state),
};

typedef struct {
  void *slots;
  // ORACLE_TEMPLATES times ORACLE_DATA_BYTES: initial contents of the data pages.
  uint8_t *templates;
  // 4096 bytes, constant once the child runs.
  uint8_t *read_only;
  void *shared;
  int32_t descriptor;
  int32_t pid;
} oracle_process;

/// Maps the shared memory. False and errno on failure.
bool oracle_map(oracle_process *process);
/// Starts (or starts again) the child, which takes `first` as the number of the next case. False on failure.
bool oracle_start(oracle_process *process, uint32_t first);
/// Whether the kernel gave the child 16-bit segments; known once it has run a case.
bool oracle_has_16_bit(const oracle_process *process);
/// Hands cases up to (not including) number `end` to the child; case n uses slot n % ORACLE_SLOTS.
void oracle_submit(oracle_process *process, uint32_t end);
/// Waits until cases before `end` are done or `milliseconds` pass without progress; returns the number of the first
/// case that is not done.
uint32_t oracle_wait(oracle_process *process, uint32_t end, int milliseconds);
/// Ends the child; returns the status that waitpid gave.
int oracle_stop(oracle_process *process);
void oracle_unmap(oracle_process *process);

#endif
