// Two processors. solo is the work of one of parallel's two threads: a machine
// whose processors run at the same time needs the same time for both.
#define _GNU_SOURCE
#include "bench.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
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

static void mix(struct job *job) {
    uint32_t seed = 5, sum = 0;
    for (uint64_t i = 0; i < job->iterations; i++)
        sum += next_random(&seed) >> 3;
    job->result = sum;
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

static uint64_t solo_run(uint64_t iterations) { return run_threads(1, iterations, mix); }
static uint64_t parallel_run(uint64_t iterations) { return run_threads(2, iterations, mix); }
static uint64_t atomic_run(uint64_t iterations) {
    run_threads(2, iterations, add_shared);
    return atomic_load(&shared);
}

const struct workload smp_workloads[] = {
    {"solo", 12000000, NULL, solo_run},
    {"parallel-2", 12000000, need_two, parallel_run},
    {"atomic-2", 1200000, need_two, atomic_run},
    {0},
};
