// A guest that draws when it is told to, for display.py: a byte on the first serial port is an order, another the answer
// behind the last pixel. The screen has 1920x1080 pixels of 32 bits, by the registers that Bochs gave its VGA.
#include <stddef.h>

#include "ports.h"

enum { WIDTH = 1920, HEIGHT = 1080 };

__asm__(".text\n.balign 4\n.long 0x1badb002, 0, -0x1badb002\n"
        ".globl _start\n_start: cli\nmov $stack_end, %esp\nlgdt gdt_register\nljmp $8, $1f\n"
        "1: mov $16, %eax\nmov %eax, %ds\nmov %eax, %es\nmov %eax, %ss\ncld\ncall display_main\n"
        ".data\n.balign 8\ngdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff\ngdt_register: .word 23\n.long gdt\n"
        ".bss\n.balign 16\n.skip 16384\nstack_end:\n.text");

static void out16(uint16_t port, uint16_t x) { __asm__ volatile("outw %0, %1" : : "a"(x), "Nd"(port)); }
static void out32(uint16_t port, uint32_t x) { __asm__ volatile("outl %0, %1" : : "a"(x), "Nd"(port)); }
static uint32_t in32(uint16_t port) {
    uint32_t x;
    __asm__ volatile("inl %1, %0" : "=a"(x) : "Nd"(port));
    return x;
}
static uint32_t configuration(uint32_t device, uint32_t offset) {
    out32(0xcf8, 0x80000000 | device << 11 | offset);
    return in32(0xcfc);
}
static void dispi(uint16_t index, uint16_t value) { out16(0x1ce, index), out16(0x1cf, value); }

static uint32_t *screen;

static void set_mode(void) {
    for (uint32_t device = 0; device < 32; device++)
        if (configuration(device, 8) >> 16 == 0x0300)
            screen = (uint32_t *)(size_t)(configuration(device, 0x10) & ~15u);
    dispi(4, 0), dispi(1, WIDTH), dispi(2, HEIGHT), dispi(3, 32), dispi(4, 0x41);
}

// A square whose colour tells its number.
static void square(uint32_t number) {
    for (uint32_t y = 32; y < 96; y++)
        for (uint32_t x = 32; x < 96; x++)
            screen[y * WIDTH + x] = number;
}

// Every pixel another one than before, with colours that run into each other as in a film.
static void film(uint32_t t) {
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            screen[y * WIDTH + x] = ((x + 3 * t) & 255) << 16 | ((y + 5 * t) & 255) << 8 | (((x ^ y) + 7 * t) & 255);
}

// Large areas of one colour that all change, as in drawings and presentations.
static void areas(uint32_t t) {
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            screen[y * WIDTH + x] = ((x / 120 + y / 120 + t) % 12) * 0x14100c + t % 5;
}

// Noise, a new picture each time: nothing is gained by looking for anything in it.
static void noise(uint32_t t) {
    uint32_t state = t * 2654435761u | 1;
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        screen[i] = state & 0xffffff;
    }
}

void display_main(void) {
    serial_prepare();
    set_mode();
    put('R');
    for (uint32_t count = 1;; count++) {
        while (!(in8(COM1 + 5) & 1))
            ;
        switch (in8(COM1)) {
        case 's': square(count & 0xffff); break;
        case 'f': film(count); break;
        case 'a': areas(count); break;
        case 'n': noise(count); break;
        default: break;
        }
        __asm__ volatile("" : : : "memory"); // the last pixel comes before the answer
        put('.');
    }
}
