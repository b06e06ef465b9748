// Samples of where a thread is, taken by a signal at a steady rate of its processor time.
#ifndef RINGBOX_CHOST_SAMPLER_H
#define RINGBOX_CHOST_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

/// Where the thread was: the host's instruction pointer, and what the state block said of the guest.
typedef struct {
  uint64_t host;
  uint64_t guest;
  uint64_t base;
  uint8_t code_size;
  uint8_t privilege;
} rb_sample;

/// A ring of samples, filled by the signal handler of the thread that started it and emptied by the same thread.
typedef struct {
  /// What to copy of the guest: instruction pointer, base of CS, code size, privilege level.
  const uint64_t *guest;
  const uint64_t *base;
  const uint8_t *code_size;
  const uint8_t *privilege;
  /// Set to 1 when the ring is half full.
  uint32_t *request;
  rb_sample *samples;
  /// A power of two.
  uint64_t capacity;
  /// Written by the handler.
  volatile uint64_t made;
  volatile uint64_t lost;
  uint64_t taken;
} rb_sampler;

/// Takes `hertz` samples for each second that the calling thread runs. One sampler a thread; the thread needs an
/// alternate signal stack. False and errno on failure.
bool rb_sampler_start(rb_sampler *sampler, uint32_t hertz);
/// Ends what the calling thread started.
void rb_sampler_stop(void);
/// The oldest sample that was not taken yet; false when there is none.
bool rb_sampler_take(rb_sampler *sampler, rb_sample *sample);

#endif
