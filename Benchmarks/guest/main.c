// ringbox-bench: fixed amounts of work, timed, one line of output for each.
//
//   ringbox-bench all [--scale X] [--disk PATH]
//   ringbox-bench NAME|GROUP,... [--scale X] [--disk PATH]
//   ringbox-bench list
//
// Output: "start NAME" when a workload's clock starts, then one of
//   bench NAME iterations ns_total checksum
//   skip NAME reason
//   fail NAME wait-status
// A host that watches the output can so time a guest whose clock it distrusts.
//
// As process 1 of a guest the same program mounts what it needs, prints
// BENCH-INIT first of all, the results between BENCH-BEGIN and BENCH-END, and
// powers off. Its arguments are then what follows "--" on the kernel's command line.
#define _GNU_SOURCE
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

const char *disk_path;

static uint64_t run_nothing(uint64_t iterations) { return iterations; }

// What timing costs by itself, for whoever times from outside.
static const struct workload empty_workloads[] = {{"empty", 1, NULL, run_nothing}, {0}};

static const struct group groups[] = {
    {"overhead", empty_workloads},   {"integer", integer_workloads},
    {"float", float_workloads},      {"memory", memory_workloads},
    {"system", system_workloads},    {"interrupt", interrupt_workloads},
    {"smp", smp_workloads},          {"io", io_workloads},
    {"disk", disk_workloads},
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

void *touched(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                   -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p;
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void perform(const struct workload *w, double scale) {
    const char *obstacle = w->prepare ? w->prepare() : NULL;
    if (obstacle) {
        printf("skip %s %s\n", w->name, obstacle);
        return;
    }
    uint64_t iterations = (uint64_t)((double)w->iterations * scale);
    if (iterations == 0)
        iterations = 1;
    printf("start %s\n", w->name);
    fflush(stdout);
    tcdrain(STDOUT_FILENO); // or a serial port would still be sending during the work

    uint64_t begin = now();
    uint64_t checksum = w->run(iterations);
    uint64_t total = now() - begin;
    printf("bench %s %llu %llu %016llx\n", w->name, (unsigned long long)iterations,
           (unsigned long long)total, (unsigned long long)checksum);
}

// Each in a process of its own: a crash costs one figure, and no workload finds
// the heap or the signal handlers of another.
static void perform_apart(const struct workload *w, double scale) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        perform(w, scale);
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (status != 0)
        printf("fail %s 0x%x\n", w->name, status);
}

// Is a name in a comma-separated list? A list, because a kernel's command line can
// hold no more than 32 arguments for its first process.
static bool listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (!strncmp(p, name, length) && (p[length] == ',' || !p[length]))
            return true;
    }
    return false;
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "true")) // what the forkexec workload runs
        return 0;
    bool is_init = getpid() == 1;
    if (is_init)
        dprintf(STDOUT_FILENO, "BENCH-INIT\n");

    double scale = 1;
    const char *chosen = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--scale") && i + 1 < argc)
            scale = strtod(argv[++i], NULL);
        else if (!strcmp(argv[i], "--disk") && i + 1 < argc)
            disk_path = argv[++i];
        else
            chosen = argv[i];
    }
    if (!is_init && (!chosen || scale <= 0)) {
        fprintf(stderr, "usage: ringbox-bench all|list|NAME|GROUP,... [--scale X] [--disk PATH]\n");
        return 2;
    }
    if (!chosen)
        chosen = "all";
    bool list = !strcmp(chosen, "list"), all = !strcmp(chosen, "all");
    if (is_init) {
        init_begin(disk_path != NULL);
        puts("BENCH-BEGIN");
    }
    for (int g = 0; g < GROUPS; g++) {
        for (const struct workload *w = groups[g].workloads; w->name; w++) {
            if (list)
                printf("%s %s\n", groups[g].name, w->name);
            else if (all || listed(chosen, groups[g].name) || listed(chosen, w->name))
                perform_apart(w, scale);
        }
    }
    if (is_init) {
        puts("BENCH-END");
        init_end();
    }
}
