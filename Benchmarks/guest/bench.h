// What the workload files and the driver share.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workload {
    const char *name;
    uint64_t iterations; // at scale 1: about 20 ms on a current machine
    // Work of no interest to the clock. NULL, or returns why the workload cannot
    // be run here, or NULL when it can.
    const char *(*prepare)(void);
    // The result must depend on everything computed, and on nothing else, so that
    // it is the same on every machine: it tells that a VM computed correctly.
    uint64_t (*run)(uint64_t iterations);
};

// One file of workloads; the list ends with a workload without a name.
struct group {
    const char *name;
    const struct workload *workloads;
};

extern const struct workload integer_workloads[], library_workloads[], float_workloads[],
    memory_workloads[], system_workloads[], smc_workloads[], translation_workloads[],
    interrupt_workloads[], smp_workloads[], io_workloads[], disk_workloads[];

extern const char *disk_path, *nvme_path; // from --disk and --nvme, or NULL

// A workload found that what it computed is not what it must be: says so, and ends it.
_Noreturn void wrong(const char *what);

// One more figure of the workload that runs, which a table may show: a percentile, say.
void value(const char *key, uint64_t number);

uint64_t integer_mixture(uint64_t rounds);

// What process 1 does before and after the benchmarks.
void init_begin(void);
_Noreturn void init_end(void);

// Xorshift: the same sequence everywhere, unlike the C library's rand.
static inline uint32_t next_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

// Memory for a workload, already touched; ends the process if there is none.
void *touched(size_t bytes);

// Keeps the compiler from seeing through, or dropping, what is behind a pointer.
static inline void opaque(void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }
