#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "CHost.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

// Initial-exec, so that reading it in a signal handler never calls the dynamic linker.
static __thread rb_sampler *active __attribute__((tls_model("initial-exec")));
static __thread timer_t timer __attribute__((tls_model("initial-exec")));

static void sample(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  rb_sampler *sampler = active;
  if (!sampler) return;
  uint64_t waiting = sampler->made - sampler->taken;
  if (waiting >= sampler->capacity) {
    sampler->lost++;
    return;
  }
  const ucontext_t *frame = context;
  rb_sample *place = &sampler->samples[sampler->made & (sampler->capacity - 1)];
  place->host = (uint64_t)frame->uc_mcontext.gregs[REG_RIP];
  place->guest = *sampler->guest;
  place->base = *sampler->base;
  place->code_size = *sampler->code_size;
  place->privilege = *sampler->privilege;
  __atomic_signal_fence(__ATOMIC_RELEASE);
  sampler->made++;
  if (waiting >= sampler->capacity / 2) __atomic_store_n(sampler->request, 1, __ATOMIC_RELAXED);
}

static void install(void) {
  struct sigaction action = {.sa_sigaction = sample, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGPROF, &action, NULL);
}

bool rb_sampler_start(rb_sampler *sampler, uint32_t hertz) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  if (active || hertz == 0) return false;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
  event.sigev_notify_thread_id = gettid();
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return false;
  active = sampler;
  long interval = 1000000000L / (long)hertz;
  struct itimerspec times = {{interval / 1000000000, interval % 1000000000}, {interval / 1000000000, interval % 1000000000}};
  if (timer_settime(timer, 0, &times, NULL) == 0) return true;
  rb_sampler_stop();
  return false;
}

void rb_sampler_stop(void) {
  if (!active) return;
  timer_delete(timer);
  active = NULL;
}

bool rb_sampler_take(rb_sampler *sampler, rb_sample *sample) {
  if (sampler->taken == sampler->made) return false;
  __atomic_signal_fence(__ATOMIC_ACQUIRE);
  *sample = sampler->samples[sampler->taken & (sampler->capacity - 1)];
  __atomic_signal_fence(__ATOMIC_RELEASE);
  sampler->taken++;
  return true;
}
