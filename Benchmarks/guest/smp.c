// Two processors. solo is the work of one of parallel-2's two processes, a mixture of
// integer programs: a machine whose processors run at the same time needs as long for both.
#define _GNU_SOURCE
#include "bench.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    int processor;
    uint64_t iterations, result;
    void (*work)(struct job *);
};

static atomic_uint_fast32_t shared;

static void add_shared(struct job *job) {
    for (uint64_t i = 0; i < job->iterations; i++)
        atomic_fetch_add(&shared, 1);
}

static void *start(void *argument) {
    struct job *job = argument;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(job->processor, &one);
    sched_setaffinity(0, sizeof one, &one);
    job->work(job);
    return NULL;
}

static uint64_t run_threads(int count, uint64_t iterations, void (*work)(struct job *)) {
    struct job jobs[2];
    pthread_t threads[2];
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        jobs[i] = (struct job){i, iterations, 0, work};
        pthread_create(&threads[i], NULL, start, &jobs[i]);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        sum += jobs[i].result;
    }
    return sum;
}

static const char *need_two(void) {
    return sysconf(_SC_NPROCESSORS_ONLN) < 2 ? "one processor only" : NULL;
}

// Processes, so that nothing but the kernel is shared.
static uint64_t run_processes(int count, uint64_t rounds) {
    int results[2];
    if (pipe(results))
        wrong("pipe");
    for (int i = 0; i < count; i++) {
        if (fork() == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            sched_setaffinity(0, sizeof one, &one);
            uint64_t sum = integer_mixture(rounds);
            _exit(write(results[1], &sum, sizeof sum) != sizeof sum);
        }
    }
    close(results[1]);
    uint64_t sums[2] = {0, 0};
    for (int i = 0; i < count; i++)
        if (read(results[0], &sums[i], sizeof sums[i]) != sizeof sums[i] || sums[i] != sums[0])
            wrong("the result of one processor is another's");
    while (wait(NULL) > 0)
        ;
    return sums[0];
}

static uint64_t solo_run(uint64_t rounds) { return run_processes(1, rounds); }
static uint64_t parallel_run(uint64_t rounds) { return run_processes(2, rounds); }
static uint64_t atomic_run(uint64_t iterations) {
    atomic_store(&shared, 0);
    run_threads(2, iterations, add_shared);
    return atomic_load(&shared);
}

const struct workload smp_workloads[] = {
    {"solo", 14, NULL, solo_run},
    {"parallel-2", 14, need_two, parallel_run},
    {"atomic-2", 1200000, need_two, atomic_run},
    {0},
};
