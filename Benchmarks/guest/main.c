// ringbox-bench: fixed amounts of work, timed, one line of output for each.
//
//   ringbox-bench all|NAME|GROUP,... [--scale X] [--disk PATH] [--nvme PATH]
//   ringbox-bench --plan FILE [--disk PATH] [--nvme PATH]   lines `NAME iterations`, in this order
//   ringbox-bench calibrate [--ms N] NAME,...     prints such lines: how often for N ms here
//   ringbox-bench list                            lines `GROUP NAME ITERATIONS`
//
// Output: "start NAME" when a workload's clock starts, then one of
//   value NAME key number                         any number of them
//   bench NAME iterations ns_total checksum
//   skip NAME reason
//   fail NAME reason                              the result was wrong, or it crashed
// A host that watches the output can so time a guest whose clock it distrusts.
//
// As process 1 of a guest the same program mounts what it needs, prints
// BENCH-INIT first of all, the results between BENCH-BEGIN and BENCH-END, and
// powers off. Its arguments are then what follows "--" on the kernel's command line,
// and its plan is /plan, if there is one.
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

const char *disk_path, *nvme_path;

static uint64_t run_nothing(uint64_t iterations) { return iterations; }

// What timing costs by itself, for whoever times from outside.
static const struct workload empty_workloads[] = {{"empty", 1, NULL, run_nothing}, {0}};

static const struct group groups[] = {
    {"overhead", empty_workloads},  {"integer", integer_workloads}, {"libraries", library_workloads},
    {"float", float_workloads},     {"memory", memory_workloads},   {"system", system_workloads},
    {"smc", smc_workloads},         {"translation", translation_workloads}, {"interrupt", interrupt_workloads}, {"smp", smp_workloads},
    {"io", io_workloads},           {"disk", disk_workloads},
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

static const char *running = "";

void wrong(const char *what) {
    printf("fail %s wrong: %s\n", running, what);
    fflush(stdout);
    _exit(9); // seen by perform_apart, which then need not say it again
}

void value(const char *key, uint64_t number) {
    printf("value %s %s %llu\n", running, key, (unsigned long long)number);
}

static void perform(const struct workload *w, uint64_t iterations) {
    const char *obstacle = w->prepare ? w->prepare() : NULL;
    if (obstacle) {
        printf("skip %s %s\n", w->name, obstacle);
        return;
    }
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
static void perform_apart(const struct workload *w, uint64_t iterations) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        running = w->name;
        perform(w, iterations ? iterations : 1);
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("fail %s signal %d (%s)\n", w->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (status != 0 && WEXITSTATUS(status) != 9)
        printf("fail %s wait status 0x%x\n", w->name, status);
}

// How many iterations take about `ms`: grown until a run takes a quarter of it. In a child for
// each try; the time comes back through memory that both have.
static void calibrate(const struct workload *w, double ms) {
    uint64_t *taken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t iterations = w->iterations;
    for (int tries = 0; tries < 12; tries++) {
        *taken = 0;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            running = w->name;
            if (w->prepare && w->prepare())
                _exit(0);
            uint64_t begin = now();
            w->run(iterations);
            *taken = now() - begin + 1;
            _exit(0);
        }
        waitpid(child, NULL, 0);
        double grow = *taken ? ms * 1e6 / (double)*taken : 0;
        if (grow == 0) // cannot run here: as many as the table says
            break;
        bool near = grow < 4;
        grow = grow > 20 ? 20 : grow;
        iterations = (uint64_t)((double)iterations * grow + 0.5);
        iterations = iterations ? iterations : 1;
        if (near)
            break;
    }
    munmap(taken, 4096);
    printf("%s %llu\n", w->name, (unsigned long long)iterations);
    fflush(stdout);
}

static const struct workload *find(const char *name) {
    for (int g = 0; g < GROUPS; g++)
        for (const struct workload *w = groups[g].workloads; w->name; w++)
            if (!strcmp(w->name, name))
                return w;
    return NULL;
}

static bool follow_plan(const char *path) {
    FILE *plan = fopen(path, "r");
    char name[64];
    unsigned long long iterations;
    if (!plan)
        return false;
    while (fscanf(plan, "%63s %llu", name, &iterations) == 2) {
        const struct workload *w = find(name);
        if (w)
            perform_apart(w, iterations);
        else
            printf("skip %s unknown\n", name);
    }
    fclose(plan);
    return true;
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

    double scale = 1, ms = 250;
    const char *chosen = NULL, *plan = is_init ? "/plan" : NULL;
    bool calibrating = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--scale") && i + 1 < argc)
            scale = strtod(argv[++i], NULL);
        else if (!strcmp(argv[i], "--ms") && i + 1 < argc)
            ms = strtod(argv[++i], NULL);
        else if (!strcmp(argv[i], "--disk") && i + 1 < argc)
            disk_path = argv[++i];
        else if (!strcmp(argv[i], "--nvme") && i + 1 < argc)
            nvme_path = argv[++i];
        else if (!strcmp(argv[i], "--plan") && i + 1 < argc)
            plan = argv[++i];
        else if (!strcmp(argv[i], "calibrate"))
            calibrating = true;
        else
            chosen = argv[i];
    }
    if (!is_init && ((!chosen && !plan) || scale <= 0 || ms <= 0)) {
        fprintf(stderr, "usage: ringbox-bench all|list|NAME|GROUP,... [--scale X] [--disk PATH] [--nvme PATH]\n"
                        "       ringbox-bench --plan FILE [--disk PATH] [--nvme PATH]\n"
                        "       ringbox-bench calibrate [--ms N] all|NAME|GROUP,...\n");
        return 2;
    }
    if (!chosen)
        chosen = "all";
    bool list = !strcmp(chosen, "list"), all = !strcmp(chosen, "all"), planned = false;
    if (is_init) {
        init_begin();
        puts("BENCH-BEGIN");
    }
    if (plan) {
        planned = follow_plan(plan);
        if (!planned && !is_init) {
            perror(plan);
            return 1;
        }
    }
    for (int g = 0; g < GROUPS && !planned; g++) {
        for (const struct workload *w = groups[g].workloads; w->name; w++) {
            if (list)
                printf("%s %s %llu\n", groups[g].name, w->name, (unsigned long long)w->iterations);
            else if (!all && !listed(chosen, groups[g].name) && !listed(chosen, w->name))
                continue;
            else if (calibrating)
                calibrate(w, ms);
            else
                perform_apart(w, (uint64_t)((double)w->iterations * scale));
        }
    }
    if (is_init) {
        puts("BENCH-END");
        init_end();
    }
    return 0;
}
