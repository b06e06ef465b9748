// Device registers: each access leaves the guest for a device model. Only done in a
// guest, which is known by the driver being process 1: a host has better use for them.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

// The workloads run in children of the driver, which in a guest is process 1.
static bool in_guest(void) { return getppid() == 1; }

static const char *ports_prepare(void) {
    if (!in_guest())
        return "only in a guest";
    return iopl(3) ? "iopl refused" : NULL;
}

static uint64_t port80_run(uint64_t reads) {
    for (uint64_t i = 0; i < reads; i++)
        inb(0x80);
    return reads;
}

static uint64_t cmos_run(uint64_t reads) {
    for (uint64_t i = 0; i < reads; i++)
        inb(0x71);
    return reads;
}

static volatile uint32_t *ioapic;

static const char *mmio_prepare(void) {
    if (!in_guest())
        return "only in a guest";
    int fd = open("/dev/mem", O_RDWR | O_SYNC); // wants iomem=relaxed
    void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0xfec00000);
    ioapic = p;
    return p == MAP_FAILED ? "/dev/mem refused" : NULL;
}

static uint64_t mmio_run(uint64_t reads) {
    // The register select, which reading does not disturb.
    for (uint64_t i = 0; i < reads; i++)
        (void)*ioapic;
    return reads;
}

const struct workload io_workloads[] = {
    {"port-80", 400000, ports_prepare, port80_run},
    {"port-cmos", 400000, ports_prepare, cmos_run},
    {"mmio-ioapic", 400000, mmio_prepare, mmio_run},
    {0},
};
