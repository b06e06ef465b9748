// A guest without an operating system: what leaving the guest's code for a device costs, and how
// late interrupts arrive. It speaks on the first serial port as ringbox-bench does (see main.c).
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports.h"

enum { PIT_HERTZ = 1193182 };
#define APIC(offset) (*(volatile uint32_t *)(0xfee00000 + (offset)))
#define IO_APIC (*(volatile uint32_t *)0xfec00000)

static void text(const char *s) {
    while (*s)
        put(*s++);
}

static void number(uint32_t x) {
    char digits[10];
    int n = 0;
    do
        digits[n++] = (char)('0' + x % 10);
    while (x /= 10);
    while (n)
        put(digits[--n]);
}

static void drain(void) { // as tcdrain: nothing is still being sent while the clock runs
    while (!(in8(COM1 + 5) & 0x40))
        ;
}

static uint64_t tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static uint32_t tsc_per_us = 1; // from the 8254, later
static uint64_t begun;

static void begin(const char *name) {
    text("start "), text(name), text("\n");
    drain();
    begun = tsc();
}

static void end(const char *name, uint32_t count) {
    uint64_t us = (tsc() - begun) / tsc_per_us;
    text("bench "), text(name), text(" "), number(count), text(" ");
    number(us < 4000000000u ? (uint32_t)us : 4000000000u), text("000 0000000000000000\n");
}

static void figure(const char *name, const char *key, uint32_t x) {
    text("value "), text(name), text(" "), text(key), text(" "), number(x), text("\n");
}

// ---- interrupts

struct gate {
    uint16_t low, selector, kind, high;
};
static struct gate idt[256];
extern void timer_entry(void), return_entry(void), ignore_entry(void);
extern void loop_flags(volatile uint32_t *), loop_memory(volatile uint32_t *), loop_calls(volatile uint32_t *);

static void set_gate(int vector, void (*entry)(void)) {
    uint32_t at = (uint32_t)entry;
    idt[vector] = (struct gate){(uint16_t)at, 8, 0x8e00, (uint16_t)(at >> 16)};
}

enum { TIMER_VECTOR = 0x40, RETURN_VECTOR = 0x41, SPURIOUS_VECTOR = 0xff, SAMPLES = 1000 };

static void interrupts_prepare(void) {
    for (int i = 0; i < 256; i++)
        set_gate(i, ignore_entry);
    set_gate(TIMER_VECTOR, timer_entry);
    set_gate(RETURN_VECTOR, return_entry);
    struct __attribute__((packed)) {
        uint16_t limit;
        void *base;
    } idtr = {sizeof idt - 1, idt};
    __asm__ volatile("lidt %0" : : "m"(idtr));
    out8(0x21, 0xff), out8(0xa1, 0xff); // the 8259s would only disturb
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x1b));
    __asm__ volatile("wrmsr" : : "a"(low | 0x800), "d"(high), "c"(0x1b));
    APIC(0x0f0) = 0x100 | SPURIOUS_VECTOR;
    APIC(0x3e0) = 0xb; // divide by 1
}

static uint32_t initial, late[SAMPLES], wanted;
static volatile uint32_t samples, enough;

void timer_fired(uint32_t count) {
    if (samples < wanted)
        late[samples++] = initial - count;
    if (samples == wanted)
        enough = 1;
    APIC(0x0b0) = 0;
}

// Ticks of the APIC's timer in 10 ms of the 8254's second counter, by way of port 61h. The
// time-stamp counter's go to tsc_per_us.
static uint32_t timer_ticks_in_10ms(void) {
    uint16_t count = PIT_HERTZ / 100;
    out8(0x61, (uint8_t)((in8(0x61) & ~2) | 1));
    out8(0x43, 0xb0);
    out8(0x42, (uint8_t)count), out8(0x42, (uint8_t)(count >> 8));
    uint8_t gate = (uint8_t)(in8(0x61) & ~1);
    out8(0x61, gate), out8(0x61, gate | 1);
    APIC(0x320) = 0x10000 | TIMER_VECTOR; // masked, one-shot
    APIC(0x380) = 0xffffffff;
    uint64_t start = tsc();
    while (!(in8(0x61) & 0x20))
        ;
    tsc_per_us = (uint32_t)((tsc() - start) / 10000);
    tsc_per_us = tsc_per_us ? tsc_per_us : 1;
    return 0xffffffff - APIC(0x390);
}

static void sort(uint32_t *v, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        uint32_t x = v[i], j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static void measure_latency(const char *name, void (*loop)(volatile uint32_t *), uint32_t in_10ms) {
    samples = enough = 0;
    initial = in_10ms / 5; // every 2 ms: one that is later than that counts as less late than it is
    begin(name);
    APIC(0x320) = 0x20000 | TIMER_VECTOR; // periodic
    APIC(0x380) = initial;
    __asm__ volatile("sti");
    loop(&enough);
    __asm__ volatile("cli");
    APIC(0x320) = 0x10000;
    APIC(0x380) = 0;
    end(name, wanted);
    sort(late, wanted);
    uint32_t per_us = in_10ms / 10000 ? in_10ms / 10000 : 1;
    figure(name, "p50_ns", (uint32_t)((uint64_t)late[wanted / 2] * 1000 / per_us));
    figure(name, "p99_ns", (uint32_t)((uint64_t)late[wanted * 99 / 100] * 1000 / per_us));
    figure(name, "max_ns", (uint32_t)((uint64_t)late[wanted - 1] * 1000 / per_us));
}

// ---- exits

static void port_out(void) { out8(0x80, 0); }
static void port_in(void) { in8(0x21); }
static void apic_read(void) { (void)APIC(0x020); }
static void apic_write(void) { APIC(0x080) = 0; }
static void io_apic_read(void) { (void)IO_APIC; }
static void cpuid(void) {
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}
static void interrupt_return(void) { __asm__ volatile("int $0x41"); }
static void nothing(void) { __asm__ volatile(""); }

static void measure(const char *name, void (*act)(void), uint32_t count) {
    begin(name);
    for (uint32_t i = 0; i < count; i++)
        act();
    end(name, count);
}

// The loader's command line: one number, hundredths of the full amount of work.
static uint32_t share(const uint32_t *information) {
    const char *line = information[0] & 4 ? (const char *)information[4] : "";
    uint32_t x = 0;
    while (*line && *line != '=')
        line++;
    for (; *line; line++)
        if (*line >= '0' && *line <= '9')
            x = x * 10 + (uint32_t)(*line - '0');
    return x && x <= 100 ? x : 100;
}

void machine_main(const uint32_t *information) {
    serial_prepare();
    text("BENCH-BEGIN\n");
    uint32_t percent = share(information), count = 5000 * percent;
    interrupts_prepare();
    wanted = SAMPLES * percent / 100;
    uint32_t in_10ms = timer_ticks_in_10ms();
    begin("machine-nothing");
    end("machine-nothing", 1);
    measure("loop", nothing, count * 10);
    measure("port-out", port_out, count);
    measure("port-in", port_in, count);
    measure("mmio-apic-read", apic_read, count);
    measure("mmio-apic-write", apic_write, count);
    measure("mmio-ioapic-read", io_apic_read, count);
    measure("cpuid", cpuid, count);
    measure("int-iret", interrupt_return, count);
    measure_latency("irq-flags", loop_flags, in_10ms);
    measure_latency("irq-memory", loop_memory, in_10ms);
    measure_latency("irq-calls", loop_calls, in_10ms);
    text("BENCH-END\n");
    drain();
    // Power off, in the ways of QEMU's and our board, and of Bochs; then reset, by the 8042.
    __asm__ volatile("outw %0, %1" : : "a"((uint16_t)0x2000), "Nd"((uint16_t)0x604));
    for (const char *s = "Shutdown"; *s; s++)
        out8(0x8900 & 0xffff, (uint8_t)*s);
    out8(0x64, 0xfe);
}
