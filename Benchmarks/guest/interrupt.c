// Timer interrupts. These wait more than they work, so a slow machine may well be
// level with a fast one; what shows is late, lost or heavy interrupts.
#define _GNU_SOURCE
#include "bench.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static volatile uint64_t ticks;
static void count_tick(int number) {
    (void)number;
    ticks++;
}

static uint64_t timer_run(uint64_t wanted) {
    ticks = 0;
    sigset_t alarm_only, before;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarm_only, &before);
    signal(SIGALRM, count_tick);
    struct itimerval every = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &every, 0);
    while (ticks < wanted)
        sigsuspend(&before); // blocked but while waiting, so that none slips by
    return ticks;
}

static uint64_t nanosleep_run(uint64_t rounds) {
    const struct timespec moment = {0, 50000};
    for (uint64_t i = 0; i < rounds; i++)
        nanosleep(&moment, 0);
    return rounds;
}

// How late a timer's signal handler runs on a processor that computes all the time. The guest's
// kernel is part of it; what a handler in the kernel sees is measured by the machine guest.
enum { SAMPLES = 100000 };
static uint32_t late_ns[SAMPLES];
static volatile uint32_t samples;
static uint64_t due_ns;

static void note_lateness(int number) {
    (void)number;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t at = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    late_ns[samples] = at > due_ns ? (uint32_t)(at - due_ns < UINT32_MAX ? at - due_ns : UINT32_MAX) : 0;
    samples++;
}

static int in_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint64_t latency_run(uint64_t wanted) {
    if (wanted > SAMPLES)
        wanted = SAMPLES;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    timer_t timer;
    samples = 0;
    signal(SIGRTMIN, note_lateness);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        wrong("timer_create");
    uint32_t seed = 43, noise = 0;
    for (uint64_t i = 0; i < wanted; i++) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        // Half a millisecond or a little more ahead, so as not to keep step with the tick.
        due_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + 500000 + next_random(&seed) % 200000;
        struct itimerspec when = {{0, 0}, {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)}};
        timer_settime(timer, TIMER_ABSTIME, &when, NULL);
        while (samples <= i)
            noise += next_random(&seed) >> 5;
    }
    timer_delete(timer);
    opaque(&noise);
    qsort(late_ns, wanted, sizeof late_ns[0], in_order);
    value("p50_ns", late_ns[wanted / 2]);
    value("p99_ns", late_ns[wanted * 99 / 100]);
    value("max_ns", late_ns[wanted - 1]);
    return wanted;
}

const struct workload interrupt_workloads[] = {
    {"signal-latency", 35, 0, latency_run},
    {"timer-1kHz", 20, 0, timer_run},
    {"nanosleep-50us", 180, 0, nanosleep_run},
    {0},
};
