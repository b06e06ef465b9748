// The kernel's entry paths: system calls, processes, faults, switches, signals.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t getpid_run(uint64_t calls) {
    bool same = true;
    long pid = syscall(SYS_getpid);
    for (uint64_t i = 0; i < calls; i++)
        same &= syscall(SYS_getpid) == pid;
    return same;
}

static uint64_t read_run(uint64_t calls) {
    static char buffer[4096];
    uint64_t bytes = 0;
    int fd = open("/dev/zero", O_RDONLY);
    for (uint64_t i = 0; i < calls; i++)
        bytes += (uint64_t)read(fd, buffer, sizeof buffer);
    close(fd);
    return bytes;
}

static uint64_t clock_run(uint64_t calls) {
    uint64_t backwards = 0, last = 0;
    for (uint64_t i = 0; i < calls; i++) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        uint64_t at = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
        backwards += at < last;
        last = at;
    }
    return backwards; // a monotonic clock has none
}

static uint64_t fork_run(uint64_t rounds) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit((int)(i % 100));
        int status = -1;
        waitpid(child, &status, 0);
        sum += WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 1000;
    }
    return sum;
}

static uint64_t forkexec_run(uint64_t rounds) {
    char *const arguments[] = {(char *)"ringbox-bench", (char *)"true", NULL};
    uint64_t succeeded = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0) {
            execv("/proc/self/exe", arguments);
            _exit(127);
        }
        int status = -1;
        waitpid(child, &status, 0);
        succeeded += status == 0;
    }
    return succeeded;
}

static uint64_t faults_run(uint64_t rounds) {
    enum { BYTES = 4 << 20 };
    uint64_t touched_pages = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        volatile char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                -1, 0);
        if (p == MAP_FAILED)
            return 0;
        madvise((void *)p, BYTES, MADV_NOHUGEPAGE);
        for (long at = 0; at < BYTES; at += 4096) {
            p[at] = 1;
            touched_pages += (uint64_t)p[at];
        }
        munmap((void *)p, BYTES);
    }
    return touched_pages;
}

static uint64_t pipe_run(uint64_t rounds) {
    int there[2], back[2];
    char byte = 1;
    if (pipe(there) || pipe(back))
        return 0;
    pid_t child = fork();
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1) {
            byte++;
            if (write(back[1], &byte, 1) != 1)
                break;
        }
        _exit(0);
    }
    for (uint64_t i = 0; i < rounds; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            return 0;
    close(there[1]);
    waitpid(child, NULL, 0);
    return (uint8_t)byte;
}

static volatile uint64_t signals_seen;
static void count_signal(int number) {
    (void)number;
    signals_seen++;
}

static uint64_t signal_run(uint64_t rounds) {
    signals_seen = 0;
    signal(SIGUSR1, count_signal);
    for (uint64_t i = 0; i < rounds; i++)
        raise(SIGUSR1);
    return signals_seen;
}

static uint64_t mmap_run(uint64_t rounds) {
    enum { PAGES = 8 };
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            wrong("mmap");
        p[0] = (char)i, p[4096 * 7] = 1;
        mprotect(p, 4096, PROT_READ);
        sum += (uint8_t)p[0] + (uint64_t)p[4096 * 7];
        munmap(p, PAGES * 4096);
    }
    return sum;
}

static uint64_t files_run(uint64_t rounds) {
    // /dev/shm is a tmpfs on the host as in a guest.
    static char block[4096], again[4096];
    char name[64];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        snprintf(name, sizeof name, "/dev/shm/ringbox-bench-%d-%d", (int)getpid(), (int)(i % 16));
        memset(block, (int)i, sizeof block);
        int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || write(fd, block, sizeof block) != sizeof block ||
            pread(fd, again, sizeof again, 0) != sizeof again || memcmp(block, again, sizeof block))
            wrong("a file on tmpfs");
        close(fd);
        sum += access(name, R_OK) == 0;
        unlink(name);
        sum += access(name, R_OK) != 0;
    }
    return sum;
}

static sigjmp_buf after_fault;
static void leave_fault(int number) {
    (void)number;
    siglongjmp(after_fault, 1);
}

static uint64_t segv_run(uint64_t rounds) {
    char *forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (forbidden == MAP_FAILED)
        wrong("mmap");
    signal(SIGSEGV, leave_fault);
    volatile uint64_t caught = 0;
    for (volatile uint64_t i = 0; i < rounds; i++) {
        if (sigsetjmp(after_fault, 1))
            caught++;
        else
            *(volatile char *)forbidden = 1;
    }
    return caught;
}

static void *count_up(void *argument) {
    __atomic_fetch_add((uint64_t *)argument, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static uint64_t threads_run(uint64_t rounds) {
    uint64_t counter = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        pthread_t pair[2];
        for (int t = 0; t < 2; t++)
            if (pthread_create(&pair[t], NULL, count_up, &counter))
                wrong("pthread_create");
        for (int t = 0; t < 2; t++)
            pthread_join(pair[t], NULL);
    }
    return counter;
}

const struct workload system_workloads[] = {
    {"getpid", 150000, NULL, getpid_run},
    {"read-zero", 80000, NULL, read_run},
    {"clock", 500000, NULL, clock_run},
    {"fork", 100, NULL, fork_run},
    {"fork-exec", 30, NULL, forkexec_run},
    {"page-faults", 9, NULL, faults_run},
    {"pipe-switch", 2000, NULL, pipe_run},
    {"mmap", 2500, NULL, mmap_run},
    {"tmpfs-files", 2500, NULL, files_run},
    {"signals", 7000, NULL, signal_run},
    {"segv", 7000, NULL, segv_run},
    {"threads", 300, NULL, threads_run},
    {0},
};
