// Integer code: what an interpreter or translator spends its life on.
#include "bench.h"
#include <stdlib.h>
#include <string.h>

// SHA-256 from its specification: the constants are the fractional parts of the
// cube roots (k) and square roots (the start value) of the first primes, worked
// out here rather than listed.
static uint32_t sha_k[64], sha_start[8];

static bool root_at_most(int power, uint64_t x, uint32_t prime) {
    // x is a fixed-point number with 32 fraction bits; is x^power <= prime?
    __extension__ typedef unsigned long long wide;
    wide low = x & 0xffffffffu, high = x >> 32; // high < 32 for all primes here
    // Limbs of 32 bits, least significant first, of x, then of x times itself.
    uint32_t value[4] = {(uint32_t)low, (uint32_t)high, 0, 0};
    for (int p = 1; p < power; p++) {
        uint32_t product[4] = {0};
        for (int i = 0; i < 2; i++) {
            wide carry = 0, factor = i ? high : low;
            for (int j = 0; i + j < 4; j++) {
                wide sum = factor * value[j] + product[i + j] + carry;
                product[i + j] = (uint32_t)sum;
                carry = sum >> 32;
            }
        }
        memcpy(value, product, sizeof value);
    }
    return value[power] < prime; // primes have no whole roots: equality cannot be
}

static uint32_t root_fraction(int power, uint32_t prime) {
    uint64_t x = 0;
    for (int bit = 36; bit >= 0; bit--)
        if (root_at_most(power, x | 1ull << bit, prime))
            x |= 1ull << bit;
    return (uint32_t)x;
}

static const char *sha256_prepare(void) {
    int found = 0;
    for (uint32_t n = 2; found < 64; n++) {
        bool prime = true;
        for (uint32_t d = 2; d * d <= n; d++)
            prime &= n % d != 0;
        if (!prime)
            continue;
        if (found < 8)
            sha_start[found] = root_fraction(2, n);
        sha_k[found++] = root_fraction(3, n);
    }
    return NULL;
}

static uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void sha256_block(uint32_t state[8], const uint8_t *block) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
               (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        // The specification's a to h, which move one place each round: here the
        // places stay and the names move.
        uint32_t *a = &s[-i & 7], b = s[(1 - i) & 7], c = s[(2 - i) & 7], *d = &s[(3 - i) & 7];
        uint32_t e = s[(4 - i) & 7], f = s[(5 - i) & 7], g = s[(6 - i) & 7], *h = &s[(7 - i) & 7];
        uint32_t t = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) +
                     sha_k[i] + w[i];
        *d += t;
        *h = t + (rotate(*a, 2) ^ rotate(*a, 13) ^ rotate(*a, 22)) +
             ((*a & b) ^ (*a & c) ^ (b & c));
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

static uint64_t sha256_run(uint64_t blocks) {
    // A chain: each block holds the state after the one before it, so at one
    // block of "abc" and padding this is the published test vector.
    uint8_t block[64] = {'a', 'b', 'c', 0x80, [63] = 24};
    uint32_t state[8];
    memcpy(state, sha_start, sizeof state);
    sha256_block(state, block);
    if (state[0] != 0xba7816bf || state[7] != 0xf20015ad)
        wrong("SHA-256 of abc");
    for (uint64_t i = 1; i < blocks; i++) {
        memcpy(block, state, sizeof state);
        sha256_block(state, block);
    }
    return (uint64_t)state[0] << 32 | state[7];
}

static void quicksort(uint32_t *v, long count) {
    while (count > 12) {
        uint32_t pivot = v[count / 2];
        long i = 0, j = count - 1;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        quicksort(v, j + 1);
        v += i;
        count -= i;
    }
    for (long i = 1; i < count; i++) {
        uint32_t x = v[i];
        long j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static uint64_t quicksort_run(uint64_t rounds) {
    enum { COUNT = 10000 };
    static uint32_t v[COUNT];
    uint32_t seed = 1;
    uint64_t sum = 0;
    while (rounds--) {
        for (int i = 0; i < COUNT; i++)
            v[i] = next_random(&seed);
        quicksort(v, COUNT);
        for (int i = 0; i < COUNT; i += 100)
            sum = sum * 31 + v[i];
    }
    return sum;
}

static uint32_t queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == all)
        return 1;
    uint32_t solutions = 0;
    for (uint32_t free = all & ~(columns | left | right); free; free &= free - 1) {
        uint32_t place = free & -free;
        solutions += queens(all, columns | place, (left | place) << 1, (right | place) >> 1);
    }
    return solutions;
}

static uint64_t queens_run(uint64_t rounds) {
    uint32_t all = (1u << 9) - 1;
    uint64_t sum = 0;
    while (rounds--) {
        opaque(&all); // or the compiler counts once and multiplies
        sum += queens(all, 0, 0, 0);
    }
    return sum;
}

// A register machine that counts the steps of Collatz sequences.
enum { SET, MOVE, ADD_TO, TRIPLE_PLUS_ONE, HALVE, IF_ODD, IF_NOT_ONE, IF_LESS, GOTO, STOP };
struct instruction {
    uint8_t op, a, b;
    int8_t target;
};

static uint64_t collatz(uint64_t limit) {
    static const struct instruction program[] = {
        // registers: 0 = number, 1 = copy, 2 = steps, 3 = one, 4 = limit
        {SET, 0, 1, 0},     {SET, 2, 0, 0},      {SET, 3, 1, 0},     {MOVE, 1, 0, 0},
        {GOTO, 0, 0, 9},    {IF_ODD, 1, 0, 8},   {HALVE, 1, 0, 0},   {GOTO, 0, 0, 10},
        {TRIPLE_PLUS_ONE, 1, 0, 0}, {GOTO, 0, 0, 10}, {ADD_TO, 2, 3, 0}, {IF_NOT_ONE, 1, 0, 5},
        {ADD_TO, 0, 3, 0},  {IF_LESS, 0, 4, 3},  {STOP, 0, 0, 0},
    };
    uint64_t r[5] = {0, 0, 0, 0, limit};
    for (const struct instruction *pc = program;; pc++) {
        opaque(r); // as if registers could be seen from outside, as in a real one
        switch (pc->op) {
        case SET: r[pc->a] = pc->b; break;
        case MOVE: r[pc->a] = r[pc->b]; break;
        case ADD_TO: r[pc->a] += r[pc->b]; break;
        case TRIPLE_PLUS_ONE: r[pc->a] = 3 * r[pc->a] + 1; break;
        case HALVE: r[pc->a] >>= 1; break;
        case IF_ODD: if (r[pc->a] & 1) pc = program + pc->target - 1; break;
        case IF_NOT_ONE: if (r[pc->a] != 1) pc = program + pc->target - 1; break;
        case IF_LESS: if (r[pc->a] < r[pc->b]) pc = program + pc->target - 1; break;
        case GOTO: pc = program + pc->target - 1; break;
        case STOP: return r[2];
        }
    }
}

static uint64_t bytecode_run(uint64_t rounds) {
    uint64_t sum = 0;
    while (rounds--)
        sum += collatz(500);
    return sum;
}

#define CALLEE(n, e) \
    static uint32_t callee##n(uint32_t x) { return e; }
CALLEE(0, x + 0x9e3779b9) CALLEE(1, x ^ x >> 7) CALLEE(2, x * 5 + 1) CALLEE(3, rotate(x, 3))
CALLEE(4, x - (x << 4)) CALLEE(5, x ^ 0x5bd1e995) CALLEE(6, ~x + (x >> 9)) CALLEE(7, rotate(x, 19))

static uint64_t indirect_run(uint64_t calls) {
    static uint32_t (*const callees[])(uint32_t) = {callee0, callee1, callee2, callee3,
                                                    callee4, callee5, callee6, callee7};
    uint32_t x = 1;
    while (calls--)
        x = callees[(x >> 13 ^ x) & 7](x + (uint32_t)calls);
    return x;
}

static uint64_t sieve_run(uint64_t rounds) {
    enum { LIMIT = 1 << 18 };
    static uint8_t composite[LIMIT];
    uint64_t primes = 0;
    while (rounds--) {
        memset(composite, 0, sizeof composite);
        for (uint32_t i = 2; i < LIMIT; i++) {
            if (composite[i])
                continue;
            primes++;
            for (uint32_t j = 2 * i; j < LIMIT; j += i)
                composite[j] = 1;
        }
    }
    return primes;
}

static uint64_t strings_run(uint64_t rounds) {
    static char text[4096], word[16];
    uint32_t seed = 7;
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = "etaoin shrdlu "[next_random(&seed) % 14];
    while (rounds--) {
        opaque(text);
        for (const char *p = text; *p;) { // split in words, fold, compare, look up
            size_t length = strcspn(p, " ");
            size_t kept = length < sizeof word - 1 ? length : sizeof word - 1;
            memcpy(word, p, kept);
            word[kept] = 0;
            for (size_t i = 0; i < kept; i++)
                word[i] = (char)(word[i] >= 'a' && word[i] <= 'z' ? word[i] - 32 : word[i]);
            sum = sum * 33 + strlen(word) + (strcmp(word, "SHRDLU") < 0);
            sum += strchr(word, 'T') != NULL;
            p += length + (p[length] == ' ');
        }
        const char *found = strstr(text, "shrd");
        sum += found ? (uint64_t)(found - text) : 0;
    }
    return sum;
}

static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static uint64_t calls_run(uint64_t rounds) {
    uint32_t n = 18;
    uint64_t sum = 0;
    while (rounds--) {
        opaque(&n);
        sum += fibonacci(n);
    }
    return sum;
}

static uint64_t crc32_run(uint64_t rounds) {
    static uint32_t table[256];
    static const uint8_t check[] = "123456789";
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
        table[i] = c;
    }
    static uint8_t text[4096];
    uint32_t seed = 23, crc = ~0u;
    for (int i = 0; i < 9; i++)
        crc = table[(crc ^ check[i]) & 255] ^ crc >> 8;
    if (~crc != 0xcbf43926) // the value every description of CRC-32 gives
        wrong("CRC-32 of 123456789");
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)next_random(&seed);
    while (rounds--)
        for (size_t i = 0; i < sizeof text; i++)
            crc = table[(crc ^ text[i]) & 255] ^ crc >> 8;
    return crc;
}

static uint64_t hash_run(uint64_t rounds) {
    enum { SLOTS = 1 << 13 };
    static uint32_t keys[SLOTS], values[SLOTS];
    uint64_t sum = 0;
    while (rounds--) {
        uint32_t seed = 29;
        memset(keys, 0, sizeof keys);
        for (int i = 0; i < SLOTS; i++) {
            uint32_t key = next_random(&seed) % (SLOTS / 2) + 1, at = key * 0x9e3779b1u >> 19;
            while (keys[at] && keys[at] != key)
                at = (at + 1) % SLOTS;
            keys[at] = key;
            values[at] = values[at] * 3 + 1;
            sum += values[at];
        }
    }
    return sum;
}

// Numbers of many limbs: multiply-and-carry, as in public-key cryptography.
static uint64_t bignum_run(uint64_t rounds) {
    enum { LIMBS = 32 };
    static uint32_t a[LIMBS], b[LIMBS], product[2 * LIMBS];
    uint32_t seed = 31;
    for (int i = 0; i < LIMBS; i++) {
        a[i] = next_random(&seed);
        b[i] = next_random(&seed);
    }
    while (rounds--) {
        memset(product, 0, sizeof product);
        for (int i = 0; i < LIMBS; i++) {
            uint64_t carry = 0;
            for (int j = 0; j < LIMBS; j++) {
                carry += (uint64_t)a[i] * b[j] + product[i + j];
                product[i + j] = (uint32_t)carry;
                carry >>= 32;
            }
            product[i + LIMBS] = (uint32_t)carry;
        }
        memcpy(a, product + LIMBS / 2, sizeof a);
        a[0] |= 1;
    }
    return (uint64_t)a[LIMBS - 1] << 32 | a[1];
}

// What the two-processor rows run on each: programs that have nothing to do with one another.
uint64_t integer_mixture(uint64_t rounds) {
    sha256_prepare();
    uint64_t sum = 0;
    while (rounds--)
        sum += sha256_run(500) + quicksort_run(1) + queens_run(10) + bytecode_run(1);
    return sum;
}

const struct workload integer_workloads[] = {
    {"sha256", 50000, sha256_prepare, sha256_run},
    {"quicksort", 38, NULL, quicksort_run},
    {"queens", 900, NULL, queens_run},
    {"bytecode", 50, NULL, bytecode_run},
    {"indirect", 2500000, NULL, indirect_run},
    {"sieve", 35, NULL, sieve_run},
    {"strings", 1500, NULL, strings_run},
    {"calls", 1200, NULL, calls_run},
    {"crc32", 1500, NULL, crc32_run},
    {"hash", 200, NULL, hash_run},
    {"bignum", 12000, NULL, bignum_run},
    {0},
};
