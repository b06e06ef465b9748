// Ports, and the first serial port, of guests without an operating system.
#pragma once
#include <stdint.h>

enum { COM1 = 0x3f8 };

static void out8(uint16_t port, uint8_t x) { __asm__ volatile("outb %0, %1" : : "a"(x), "Nd"(port)); }
static uint8_t in8(uint16_t port) {
    uint8_t x;
    __asm__ volatile("inb %1, %0" : "=a"(x) : "Nd"(port));
    return x;
}

static void put(char c) {
    while (!(in8(COM1 + 5) & 0x20))
        ;
    out8(COM1, (uint8_t)c);
}

static void serial_prepare(void) { // 115200 baud, 8 bits, no interrupts
    out8(COM1 + 1, 0), out8(COM1 + 3, 0x80);
    out8(COM1, 1), out8(COM1 + 1, 0);
    out8(COM1 + 3, 3), out8(COM1 + 4, 3), out8(COM1 + 2, 0);
}
