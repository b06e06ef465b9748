// Disks, or files, given by --disk and --nvme: OVERWRITTEN. Past the page cache, so that
// each operation is a request to the device.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LARGE = 128 << 10, SMALL = 4 << 10, USED = 32 << 20, DEPTH = 32 };
static int disk = -1;
static char *buffer;
static aio_context_t queue;

static const char *prepare(const char *path, const char *absent) {
    if (!path)
        return absent;
    disk = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (disk < 0)
        return "cannot open the disk";
    if (lseek(disk, 0, SEEK_END) < USED)
        return "disk smaller than 32 MiB";
    buffer = aligned_alloc(4096, LARGE);
    memset(buffer, 0x33, LARGE);
    return NULL;
}
static const char *disk_prepare(void) { return prepare(disk_path, "no --disk"); }
static const char *nvme_prepare(void) { return prepare(nvme_path, "no --nvme"); }

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

static off_t somewhere(uint32_t *seed) { return (off_t)(next_random(seed) % (USED / SMALL)) * SMALL; }

static uint64_t scattered(uint64_t count, bool writing) {
    uint64_t done = 0;
    uint32_t seed = 17;
    for (uint64_t i = 0; i < count; i++) {
        off_t at = somewhere(&seed);
        done += (uint64_t)(writing ? pwrite(disk, buffer, SMALL, at) : pread(disk, buffer, SMALL, at));
    }
    return done;
}

// Thirty-two requests under way all the time: whatever has ended is replaced at once.
static uint64_t deep(uint64_t count, bool writing) {
    static struct iocb blocks[DEPTH];
    struct iocb *fresh[DEPTH];
    struct io_event events[DEPTH];
    uint64_t done = 0, begun = 0, ended = 0;
    uint32_t seed = 17;
    if (!queue && syscall(SYS_io_setup, DEPTH, &queue) != 0)
        return 0;
    long free_blocks = DEPTH;
    for (int i = 0; i < DEPTH; i++)
        fresh[i] = &blocks[i];
    while (ended < count) {
        long batch = 0;
        for (; batch < free_blocks && begun < count; batch++, begun++) {
            struct iocb *block = fresh[batch];
            memset(block, 0, sizeof *block);
            block->aio_lio_opcode = writing ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
            block->aio_fildes = (uint32_t)disk;
            block->aio_buf = (uint64_t)(uintptr_t)(buffer + (block - blocks) % (LARGE / SMALL) * SMALL);
            block->aio_nbytes = SMALL;
            block->aio_offset = somewhere(&seed);
            block->aio_data = (uint64_t)(uintptr_t)block;
        }
        for (long sent = 0; sent < batch;) {
            long taken = syscall(SYS_io_submit, queue, batch - sent, fresh + sent);
            if (taken <= 0)
                return done;
            sent += taken;
        }
        free_blocks = syscall(SYS_io_getevents, queue, 1L, (long)DEPTH, events, NULL);
        if (free_blocks <= 0)
            return done;
        for (long i = 0; i < free_blocks; i++) {
            done += (uint64_t)events[i].res;
            fresh[i] = (struct iocb *)(uintptr_t)events[i].data;
        }
        ended += (uint64_t)free_blocks;
    }
    return done;
}

static uint64_t write_run(uint64_t n) { return sequential(n, true); }
static uint64_t read_run(uint64_t n) { return sequential(n, false); }
static uint64_t random_write_run(uint64_t n) { return scattered(n, true); }
static uint64_t random_read_run(uint64_t n) { return scattered(n, false); }
static uint64_t deep_write_run(uint64_t n) { return deep(n, true); }
static uint64_t deep_read_run(uint64_t n) { return deep(n, false); }

const struct workload disk_workloads[] = {
    {"disk-write", 120, disk_prepare, write_run},
    {"disk-read", 100, disk_prepare, read_run},
    {"disk-4k-write", 400, disk_prepare, random_write_run},
    {"disk-4k-read", 400, disk_prepare, random_read_run},
    {"disk-4k-deep-write", 800, disk_prepare, deep_write_run},
    {"disk-4k-deep-read", 800, disk_prepare, deep_read_run},
    {"nvme-write", 120, nvme_prepare, write_run},
    {"nvme-read", 100, nvme_prepare, read_run},
    {"nvme-4k-deep-write", 800, nvme_prepare, deep_write_run},
    {"nvme-4k-deep-read", 800, nvme_prepare, deep_read_run},
    {0},
};
