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

enum { CHASE = 1 << 20 };
static uint32_t *chase_next;

static const char *chase_prepare(void) {
    // One cycle through all places (Sattolo's shuffle): 4 MiB, more than most L2s.
    uint32_t seed = 3;
    chase_next = touched(CHASE * sizeof *chase_next);
    for (uint32_t i = 0; i < CHASE; i++)
        chase_next[i] = i;
    for (uint32_t i = CHASE - 1; i > 0; i--) {
        uint32_t j = next_random(&seed) % i, t = chase_next[i];
        chase_next[i] = chase_next[j];
        chase_next[j] = t;
    }
    return NULL;
}

static uint64_t chase_run(uint64_t steps) {
    uint32_t at = 0;
    while (steps--)
        at = chase_next[at];
    return at;
}

// The four kernels that measure memory bandwidth by custom: copy, scale, add, triad.
static uint64_t stream_run(uint64_t rounds) {
    enum { WORDS = MIB / sizeof(double) };
    double *a = (double *)(void *)to, *b = a + WORDS, *c = b + WORDS;
    for (size_t i = 0; i < WORDS; i++)
        a[i] = (double)(i % 64);
    while (rounds--) {
        opaque(a);
        for (size_t i = 0; i < WORDS; i++)
            c[i] = a[i];
        for (size_t i = 0; i < WORDS; i++)
            b[i] = 0.5 * c[i];
        for (size_t i = 0; i < WORDS; i++)
            c[i] = a[i] + b[i];
        for (size_t i = 0; i < WORDS; i++)
            a[i] = 0.25 * b[i] + 0.5 * c[i] + 1;
    }
    double sum = 0;
    for (size_t i = 0; i < WORDS; i += 101)
        sum += a[i];
    return (uint64_t)(sum * 1024);
}

static uint64_t bytes_run(uint64_t rounds) {
    enum { SIZE = 64 << 10 };
    uint64_t sum = 0;
    while (rounds--) {
        volatile const uint8_t *source = from; // byte by byte, whatever the compiler knows
        volatile uint8_t *target = to;
        for (size_t i = 0; i < SIZE; i++)
            target[i] = (uint8_t)(source[i] ^ i);
        sum += target[4711];
    }
    return sum;
}

static uint64_t unaligned_run(uint64_t rounds) {
    uint64_t sum = 0;
    while (rounds--) {
        opaque(from);
        for (size_t at = 0; at < 64 << 10; at += 61) { // some lie across two lines, a few across two pages
            uint64_t word;
            memcpy(&word, from + at, sizeof word);
            sum += word >> (at & 7);
            memcpy(to + at + 3, &sum, sizeof sum);
        }
    }
    return sum;
}

static uint64_t rep_bytes_run(uint64_t rounds) {
    // Filling, copying and scanning of short strings, as old C libraries and kernels do it.
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        void *destination = to;
        const void *source = from;
        size_t count = 200 + i % 64;
        __asm__ volatile("rep stosb" : "+D"(destination), "+c"(count) : "a"((int)i) : "memory");
        count = 100;
        __asm__ volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
        *(uint8_t *)destination = 0;
        destination = to;
        count = 1000;
        __asm__ volatile("repne scasb" : "+D"(destination), "+c"(count) : "a"(0) : "memory", "cc");
        sum += count;
    }
    return sum;
}

static uint64_t atomics_run(uint64_t rounds) {
    static uint32_t counter, lock, list[16];
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t seen = __atomic_fetch_add(&counter, 3, __ATOMIC_SEQ_CST), next = seen + 5;
        __atomic_compare_exchange_n(&list[i % 16], &seen, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
            ;
        list[(i + 1) % 16] += counter;
        __atomic_store_n(&lock, 0, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&list[(i + 2) % 16], 1, __ATOMIC_SEQ_CST);
    }
    uint64_t sum = counter;
    for (int i = 0; i < 16; i++)
        sum = sum * 31 + list[i];
    return sum;
}

const struct workload memory_workloads[] = {
    {"stream", 20, memory_prepare, stream_run},
    {"chase", 1200000, chase_prepare, chase_run},
    {"memcpy", 1000, memory_prepare, memcpy_run},
    {"memset", 2000, memory_prepare, memset_run},
    {"rep-movs", 1000, memory_prepare, rep_run},
    {"rep-bytes", 100000, memory_prepare, rep_bytes_run},
    {"bytes", 500, memory_prepare, bytes_run},
    {"unaligned", 8000, memory_prepare, unaligned_run},
    {"atomics", 500000, NULL, atomics_run},
    {"stride", 380, memory_prepare, stride_run},
    {"random", 2000000, memory_prepare, random_run},
    {0},
};
