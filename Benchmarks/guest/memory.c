// Memory: moving blocks, and touching far-apart words (address translation).
#include "bench.h"
#include <string.h>

enum { MIB = 1 << 20, SPAN = 16 * MIB };
static uint8_t *from, *to;

static const char *memory_prepare(void) {
    from = touched(SPAN);
    to = touched(SPAN);
    memset(from, 0x5a, SPAN);
    return NULL;
}

static uint64_t memcpy_run(uint64_t rounds) {
    for (uint64_t i = 0; i < rounds; i++) {
        memcpy(to, from + i % 8 * MIB, MIB);
        opaque(to);
    }
    return to[12345];
}

static uint64_t memset_run(uint64_t rounds) {
    for (uint64_t i = 0; i < rounds; i++) {
        memset(to + i % 8 * MIB, (int)i | 1, MIB);
        opaque(to);
    }
    return to[12345] != 0;
}

static uint64_t rep_run(uint64_t rounds) {
    for (uint64_t i = 0; i < rounds; i++) {
        void *destination = to, *source = from + i % 8 * MIB;
        size_t count = MIB / sizeof(long);
#ifdef __x86_64__
        __asm__ volatile("rep movsq" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
#else
        __asm__ volatile("rep movsl" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
#endif
    }
    return to[12345];
}

static uint64_t stride_run(uint64_t rounds) {
    uint64_t sum = 0;
    while (rounds--) {
        opaque(from);
        for (size_t at = 0; at < SPAN; at += 256)
            sum += from[at];
    }
    return sum;
}

static uint64_t random_run(uint64_t touches) {
    uint32_t *words = (uint32_t *)(void *)to, seed = 11;
    for (uint64_t i = 0; i < touches; i++)
        words[next_random(&seed) % (SPAN / 4)] += 3;
    uint64_t sum = 0;
    for (size_t i = 0; i < SPAN / 4; i += 997)
        sum += words[i];
    return sum;
}

const struct workload memory_workloads[] = {
    {"memcpy", 1000, memory_prepare, memcpy_run},
    {"memset", 2000, memory_prepare, memset_run},
    {"rep-movs", 1000, memory_prepare, rep_run},
    {"stride", 380, memory_prepare, stride_run},
    {"random", 2000000, memory_prepare, random_run},
    {0},
};
