// A disk, or a file, given by --disk: OVERWRITTEN. Past the page cache, so that
// each operation is a request to the device.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 128 << 10, SMALL = 4 << 10, USED = 32 << 20 };
static int disk = -1;
static char *buffer;

static const char *disk_prepare(void) {
    if (!disk_path)
        return "no --disk";
    disk = open(disk_path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (disk < 0)
        return "cannot open the disk";
    if (lseek(disk, 0, SEEK_END) < USED)
        return "disk smaller than 32 MiB";
    buffer = aligned_alloc(4096, LARGE);
    memset(buffer, 0x33, LARGE);
    return NULL;
}

static uint64_t sequential(uint64_t count, bool writing) {
    uint64_t done = 0;
    for (uint64_t i = 0; i < count; i++) {
        off_t at = (off_t)(i * LARGE % USED);
        done += (uint64_t)(writing ? pwrite(disk, buffer, LARGE, at) : pread(disk, buffer, LARGE, at));
    }
    if (writing)
        fdatasync(disk);
    return done;
}

static uint64_t scattered(uint64_t count, bool writing) {
    uint64_t done = 0;
    uint32_t seed = 17;
    for (uint64_t i = 0; i < count; i++) {
        off_t at = (off_t)(next_random(&seed) % (USED / SMALL)) * SMALL;
        done += (uint64_t)(writing ? pwrite(disk, buffer, SMALL, at) : pread(disk, buffer, SMALL, at));
    }
    return done;
}

static uint64_t write_run(uint64_t n) { return sequential(n, true); }
static uint64_t read_run(uint64_t n) { return sequential(n, false); }
static uint64_t random_write_run(uint64_t n) { return scattered(n, true); }
static uint64_t random_read_run(uint64_t n) { return scattered(n, false); }

const struct workload disk_workloads[] = {
    {"disk-write", 120, disk_prepare, write_run},
    {"disk-read", 100, disk_prepare, read_run},
    {"disk-4k-write", 400, disk_prepare, random_write_run},
    {"disk-4k-read", 400, disk_prepare, random_read_run},
    {0},
};
