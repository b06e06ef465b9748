// Code that changes: what a JIT compiler, a loader or a patching kernel does to a translator. Every
// call's result is checked, so these are tests as much as measurements: `ringbox-bench smc` in a
// guest says `fail` where a changed instruction was executed as it was before.
//
// The functions made here take their arguments in EAX and EDX, and a pointer in ECX/RCX, so that
// the same bytes mean the same in 32 and 64-bit code.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };
static uint8_t *code; // four pages, writable and executable

static uint8_t *map_code(int fd, size_t bytes, int protection) {
    void *p = mmap(NULL, bytes, protection, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        wrong("mmap");
    return p;
}

static const char *smc_prepare(void) {
    code = map_code(-1, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    memset(code, 0xcc, 4 * PAGE);
    return NULL;
}

static uint32_t call(const void *function, uint32_t a, uint32_t d, void *c) {
    // Below the stack pointer the compiler may keep something of its own in 64-bit code.
#ifdef __x86_64__
#define CALL "lea -128(%%rsp), %%rsp\n call *%[function]\n lea 128(%%rsp), %%rsp"
#else
#define CALL "call *%[function]"
#endif
    __asm__ volatile(CALL
                     : "+a"(a), "+d"(d), "+c"(c)
                     : [function] "r"(function)
                     : "memory", "cc");
    return a;
}

// What must lie between a change made elsewhere and the execution of what was changed.
static void serialise(void) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

static uint8_t *put(uint8_t *at, const char *bytes, size_t count) {
    memcpy(at, bytes, count);
    return at + count;
}
#define PUT(at, bytes) put(at, bytes, sizeof bytes - 1)

static uint8_t *put32(uint8_t *at, uint32_t x) {
    memcpy(at, &x, 4);
    return at + 4;
}

// mov eax, x; ret
static uint8_t *put_constant(uint8_t *at, uint32_t x) {
    at = put32(PUT(at, "\xb8"), x);
    return PUT(at, "\xc3");
}

static void expect(uint32_t got, uint32_t wanted, const char *what) {
    if (got != wanted)
        wrong(what);
}

// The program writes a small function, calls it, and writes the next in another place of the page.
static uint64_t rewrite_run(uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint8_t *slot = code + i % 61 * 64;
        put_constant(slot, (uint32_t)i * 7);
        uint32_t got = call(slot, 0, 0, NULL);
        expect(got, (uint32_t)i * 7, "a function just written");
        sum += got;
    }
    return sum;
}

// One more operation on EAX, and what it does to x.
static uint8_t *put_step(uint8_t *at, uint32_t operand, uint32_t *x) {
    switch (operand % 4) {
    case 0: *x += operand; return put32(PUT(at, "\x05"), operand);     // add eax, imm
    case 1: *x ^= operand; return put32(PUT(at, "\x35"), operand);     // xor eax, imm
    case 2: *x -= operand; return put32(PUT(at, "\x2d"), operand);     // sub eax, imm
    default: *x = *x << 7 | *x >> 25; return PUT(at, "\xc1\xc0\x07"); // rol eax, 7
    }
}

// A compiler's way: a longer function is made each time, and called several times.
static uint64_t compile_run(uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t x = (uint32_t)i, seed = (uint32_t)i | 1;
        uint8_t *start = code + i % 3 * PAGE + i % 7 * 16, *at = start;
        for (int n = 0; n < 40; n++)
            at = put_step(at, next_random(&seed), &x);
        PUT(at, "\xc3");
        for (int n = 0; n < 3; n++)
            expect(call(start, (uint32_t)i, 0, NULL), x, "a function just compiled");
        sum += x;
    }
    return sum;
}

// New code in plenty, each instruction executed once: what translating costs a translator. Steps
// with a jump to the next after every eighth, so that blocks are as long as in real programs.
enum { COLD = 32 << 10 };
static uint8_t *cold;

static const char *cold_prepare(void) {
    cold = map_code(-1, COLD + PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    return NULL;
}

static uint64_t cold_run(uint64_t rounds) {
    uint64_t sum = 0;
    uint32_t seed = 47;
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t x = (uint32_t)i;
        uint8_t *at = cold;
        for (int n = 1; at < cold + COLD; n++) {
            at = put_step(at, next_random(&seed), &x);
            if (n % 8 == 0)
                at = PUT(at, "\x85\xc0\x75\x00"); // test eax, eax; jnz to the next either way
        }
        PUT(at, "\xc3");
        expect(call(cold, (uint32_t)i, 0, NULL), x, "code executed once");
        sum += x;
    }
    return sum;
}

// Code that changes another function of the page it is itself in.
static uint64_t same_page_run(uint64_t rounds) {
    uint8_t *slot = code + 2048, *patcher = code + 64;
    put_constant(slot, 0);
    // mov [rcx], edx; mov eax, imm (executed meanwhile); call slot; ret
    uint8_t *at = PUT(patcher, "\x89\x11\xb8\x01\x00\x00\x00\xe8");
    at = put32(at, (uint32_t)(slot - (at + 4)));
    PUT(at, "\xc3");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t got = call(patcher, 0, (uint32_t)i * 3, slot + 1);
        expect(got, (uint32_t)i * 3, "a function changed from its own page");
        sum += got;
    }
    return sum;
}

// A store into an instruction that follows it at once, with no jump between: an operand, an
// operation, and by a string store.
static uint64_t same_block_run(uint64_t rounds) {
    uint8_t *operand = code, *operation = code + 256, *string = code + 512;
    // mov [rcx], edx; mov eax, imm; ret
    PUT(operand, "\x89\x11\xb8\x00\x00\x00\x00\xc3");
    // mov [rcx], dl; add eax, eax  (or sub eax, eax, or xor eax, eax); ret
    PUT(operation, "\x88\x11\x01\xc0\xc3");
    // push rdi; mov edi/rdi, rcx; mov ecx, 4; rep stosb; mov ecx, imm; pop rdi; mov eax, ecx; ret
    uint8_t *at = PUT(string, "\x57");
#ifdef __x86_64__
    at = PUT(at, "\x48");
#endif
    at = PUT(at, "\x89\xcf\xb9\x04\x00\x00\x00\xf3\xaa\xb9");
    uint8_t *target = at;
    PUT(at, "\x00\x00\x00\x00\x5f\x89\xc8\xc3");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint32_t x = (uint32_t)i;
        expect(call(operand, 0, x, operand + 3), x, "an operand changed just before it is executed");
        uint32_t wanted = i % 3 == 0 ? 2 * x : 0;
        uint32_t opcode = i % 3 == 0 ? 0x01 : i % 3 == 1 ? 0x29 : 0x31;
        expect(call(operation, x, opcode, operation + 2), wanted, "an operation changed just before it");
        uint32_t byte = x & 0xff;
        expect(call(string, byte, 0, target), byte * 0x01010101, "an operand changed by a string store");
        sum += wanted + byte;
    }
    return sum;
}

// One instruction in two pages, of which now one, now the other is written.
static uint64_t straddle_run(uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        int before = (int)(i % 4) + 1; // bytes of `op eax, imm32` in the first page
        uint8_t *start = code + PAGE - before;
        uint32_t operand = (uint32_t)i * 0x01000193, x = (uint32_t)i;
        PUT(put32(PUT(start, "\x05"), operand), "\xc3"); // add eax, operand; ret
        expect(call(start, x, 0, NULL), x + operand, "an instruction in two pages");
        *(volatile uint8_t *)start = 0x35; // xor eax, operand: in the first page only
        expect(call(start, x, 0, NULL), x ^ operand, "the first page's part changed");
        uint8_t last = (uint8_t)(i >> 3);
        *(volatile uint8_t *)(start + 4) = last; // in the second page only
        uint32_t changed = (operand & 0xffffff) | (uint32_t)last << 24;
        expect(call(start, x, 0, NULL), x ^ changed, "the second page's part changed");
        sum += x ^ changed;
    }
    return sum;
}

// The same frame at two addresses: written at one, executed at the other.
static uint64_t alias_run(uint64_t rounds) {
    int fd = memfd_create("smc", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, PAGE))
        wrong("memfd_create");
    uint8_t *written = map_code(fd, PAGE, PROT_READ | PROT_WRITE);
    uint8_t *executed = map_code(fd, PAGE, PROT_READ | PROT_EXEC);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        size_t slot = i % 5 * 64;
        put_constant(written + slot, (uint32_t)i * 11);
        serialise();
        uint32_t got = call(executed + slot, 0, 0, NULL);
        expect(got, (uint32_t)i * 11, "a function written through another mapping");
        sum += got;
    }
    return sum;
}

// The same address with now one frame behind it, now another.
static uint64_t remap_run(uint64_t rounds) {
    int fd = memfd_create("smc", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 2 * PAGE))
        wrong("memfd_create");
    uint8_t *both = map_code(fd, 2 * PAGE, PROT_READ | PROT_WRITE);
    put_constant(both, 1111);
    put_constant(both + PAGE, 2222);
    uint8_t *place = map_code(fd, PAGE, PROT_READ | PROT_EXEC);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        off_t at = (off_t)(i % 2 * PAGE);
        if (mmap(place, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, at) != place)
            wrong("mmap over a mapping");
        uint32_t got = call(place, 0, 0, NULL);
        expect(got, i % 2 ? 2222 : 1111, "another frame at the same address");
        sum += got;
    }
    return sum;
}

// Never writable and executable at once, as careful JIT compilers have it.
static uint64_t protect_run(uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        if (mprotect(code, PAGE, PROT_READ | PROT_WRITE))
            wrong("mprotect");
        put_constant(code + i % 9 * 32, (uint32_t)i * 13);
        if (mprotect(code, PAGE, PROT_READ | PROT_EXEC))
            wrong("mprotect");
        uint32_t got = call(code + i % 9 * 32, 0, 0, NULL);
        expect(got, (uint32_t)i * 13, "a function behind mprotect");
        sum += got;
    }
    return sum;
}

// Written by the kernel: read(2) into the page that was executed a moment ago.
static uint64_t read_into_run(uint64_t rounds) {
    int ends[2];
    if (pipe(ends))
        wrong("pipe");
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint8_t bytes[6];
        put_constant(bytes, (uint32_t)i * 17);
        if (write(ends[1], bytes, sizeof bytes) != sizeof bytes ||
            read(ends[0], code + 128, sizeof bytes) != sizeof bytes)
            wrong("a pipe");
        uint32_t got = call(code + 128, 0, 0, NULL);
        expect(got, (uint32_t)i * 17, "a function read from a pipe");
        sum += got;
    }
    return sum;
}

// Written by a device: the disk's DMA goes right into the page. The last MiB of the disk is used.
static int disk = -1;
static off_t disk_end;

static const char *dma_prepare(void) {
    if (!disk_path)
        return "no --disk";
    disk = open(disk_path, O_RDWR | O_DIRECT | O_CLOEXEC);
    disk_end = disk < 0 ? 0 : lseek(disk, 0, SEEK_END);
    return disk_end < 2 << 20 ? "cannot use the disk" : smc_prepare();
}

static uint64_t dma_run(uint64_t rounds) {
    enum { BLOCKS = 8 };
    uint8_t *block = map_code(-1, PAGE, PROT_READ | PROT_WRITE);
    for (int i = 0; i < BLOCKS; i++) {
        put_constant(block, 1000u * (unsigned)i);
        if (pwrite(disk, block, PAGE, disk_end - (BLOCKS - i) * PAGE) != PAGE)
            wrong("writing the disk");
    }
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        if (pread(disk, code, PAGE, disk_end - (off_t)(BLOCKS - i % BLOCKS) * PAGE) != PAGE)
            wrong("reading the disk");
        uint32_t got = call(code, 0, 0, NULL);
        expect(got, (uint32_t)(i % BLOCKS) * 1000, "a function read from a disk");
        sum += got;
    }
    return sum;
}

// Two processors: one changes code, the other executes it, in the order that Intel's manual (volume
// 3, "Handling Self- and Cross-Modifying Code") asks for: store, flag; wait for the flag,
// serialise, execute.
static uint64_t turns;
static uint32_t turn; // even: the writer's; odd: the executor's
static const char *refuted;

static void wait_for_turn(uint32_t mine) {
    for (int spins = 0; __atomic_load_n(&turn, __ATOMIC_ACQUIRE) != mine; spins++) {
        if (spins % 1024 == 1023)
            sched_yield(); // both may have been put on one processor
        __builtin_ia32_pause();
    }
}

static void *cross_execute(void *unused) {
    (void)unused;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < turns; i++) {
        wait_for_turn((uint32_t)(2 * i + 1));
        serialise();
        uint32_t got = call(code + i % 3 * 64, 0, 0, NULL);
        if (got != (uint32_t)i * 19)
            refuted = "a function that the other processor changed";
        sum += got;
        __atomic_store_n(&turn, (uint32_t)(2 * i + 2), __ATOMIC_RELEASE);
    }
    return (void *)(uintptr_t)(uint32_t)sum;
}

static const char *cross_prepare(void) {
    return sysconf(_SC_NPROCESSORS_ONLN) < 2 ? "one processor only" : smc_prepare();
}

static uint64_t cross_run(uint64_t rounds) {
    pthread_t executor;
    void *sum = NULL;
    turn = 0;
    turns = rounds;
    if (pthread_create(&executor, NULL, cross_execute, NULL))
        wrong("pthread_create");
    for (uint64_t i = 0; i < rounds; i++) {
        wait_for_turn((uint32_t)(2 * i));
        put_constant(code + i % 3 * 64, (uint32_t)i * 19);
        __atomic_store_n(&turn, (uint32_t)(2 * i + 1), __ATOMIC_RELEASE);
    }
    pthread_join(executor, &sum);
    if (refuted)
        wrong(refuted);
    return (uint64_t)(uintptr_t)sum;
}

// No change of code at all, but data in the same page, 2 KiB from the code that writes it in a
// loop. For a translator that watches pages the worst case; it should cost little.
static uint64_t mixed_run(uint64_t rounds) {
    uint32_t *counter = (uint32_t *)(void *)(code + 2048);
    // again: add [rcx], eax; add eax, 3; dec edx; jnz again; ret
    PUT(code + 512, "\x01\x01\x83\xc0\x03\x83\xea\x01\x75\xf6\xc3");
    uint32_t wanted = *counter = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        call(code + 512, (uint32_t)i, 100, counter);
        for (uint32_t n = 0; n < 100; n++)
            wanted += (uint32_t)i + 3 * n;
        expect(*counter, wanted, "data beside code");
    }
    return *counter;
}

// The same with code in one page calling code in another that holds what the first one writes.
static uint64_t mixed_call_run(uint64_t rounds) {
    uint32_t *counter = (uint32_t *)(void *)(code + PAGE + 3072);
    put_constant(code + PAGE, 5);
    uint32_t wanted = 0;
    *counter = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        *(volatile uint32_t *)counter += (uint32_t)i;
        wanted += (uint32_t)i + call(code + PAGE, 0, 0, NULL);
        *(volatile uint32_t *)counter += 5;
        expect(*counter, wanted, "data beside code that is called");
    }
    return *counter;
}

const struct workload translation_workloads[] = {
    {"cold-code", 400, cold_prepare, cold_run},
    {0},
};

const struct workload smc_workloads[] = {
    {"smc-rewrite", 60000, smc_prepare, rewrite_run},
    {"smc-compile", 8000, smc_prepare, compile_run},
    {"smc-same-page", 40000, smc_prepare, same_page_run},
    {"smc-same-block", 20000, smc_prepare, same_block_run},
    {"smc-straddle", 20000, smc_prepare, straddle_run},
    {"smc-alias", 10000, smc_prepare, alias_run},
    {"smc-remap", 6000, smc_prepare, remap_run},
    {"smc-mprotect", 6000, smc_prepare, protect_run},
    {"smc-read", 15000, smc_prepare, read_into_run},
    {"smc-dma", 200, dma_prepare, dma_run},
    {"smc-cross", 8000, cross_prepare, cross_run},
    {"smc-mixed", 60000, smc_prepare, mixed_run},
    {"smc-mixed-call", 60000, smc_prepare, mixed_call_run},
    {0},
};
