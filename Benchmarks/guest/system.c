// The kernel's entry paths: system calls, processes, faults, switches, signals.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
    signal(SIGUSR1, count_signal);
    for (uint64_t i = 0; i < rounds; i++)
        raise(SIGUSR1);
    return signals_seen;
}

const struct workload system_workloads[] = {
    {"getpid", 150000, NULL, getpid_run},
    {"read-zero", 80000, NULL, read_run},
    {"fork-exec", 30, NULL, forkexec_run},
    {"page-faults", 9, NULL, faults_run},
    {"pipe-switch", 2000, NULL, pipe_run},
    {"signals", 7000, NULL, signal_run},
    {0},
};
