// Process 1 of a benchmark guest: what a system needs before the workloads run.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

// The initrd lists its drivers in order of loading. Those for hardware that is
// not there load all the same, or fail to, and neither matters.
static void load_modules(void) {
    FILE *list = fopen("/modules.list", "r");
    char path[256];
    while (list && fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            syscall(SYS_finit_module, fd, "", 0);
            close(fd);
        }
    }
    if (list)
        fclose(list);
}

static void wait_for(const char *path) {
    for (int tries = 0; path && access(path, F_OK) != 0 && tries < 600; tries++)
        usleep(100000); // an interpreted guest may take long to probe its disks
}

void init_begin(void) {
    mkdir("/proc", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mkdir("/dev/shm", 01777);
    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
    if (disk_path || nvme_path) {
        load_modules();
        wait_for(disk_path);
        wait_for(nvme_path);
    }
}

void init_end(void) {
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause(); // nothing to power off with: the host has seen BENCH-END
}
