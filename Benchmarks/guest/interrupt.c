// Timer interrupts. These wait more than they work, so a slow machine may well be
// level with a fast one; what shows is late, lost or heavy interrupts.
#include "bench.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static volatile uint64_t ticks;
static void count_tick(int number) {
    (void)number;
    ticks++;
}

static uint64_t timer_run(uint64_t wanted) {
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

const struct workload interrupt_workloads[] = {
    {"timer-1kHz", 20, 0, timer_run},
    {"nanosleep-50us", 180, 0, nanosleep_run},
    {0},
};
