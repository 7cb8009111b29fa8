/* Latency histogram in the manner of HdrHistogram: 64 linear steps per power of two, so a
 * percentile is exact to 1.6 %. Nanoseconds; values above 2^41 ns (36 min) land in the last. */
#ifndef SKEIN_LOAD_HIST_H
#define SKEIN_LOAD_HIST_H
#include <stdint.h>

enum { HIST_STEPS = 64, HIST_BUCKETS = 36 * HIST_STEPS };

struct hist {
  uint64_t n, sum, max;
  uint64_t count[HIST_BUCKETS];
};

static inline void hist_add(struct hist *h, int64_t ns) {
  uint64_t v = ns < 0 ? 0 : (uint64_t)ns;
  int power = v < HIST_STEPS ? 0 : 63 - __builtin_clzll(v) - 5;
  uint64_t i = power == 0 ? v : (uint64_t)power * (HIST_STEPS / 2) + (v >> power);
  if (i >= HIST_BUCKETS) i = HIST_BUCKETS - 1;
  h->count[i]++;
  h->n++;
  h->sum += v;
  if (v > h->max) h->max = v;
}

/* The upper edge of the step that holds the q-quantile (0 < q ≤ 1), never above the maximum. */
static inline uint64_t hist_at(const struct hist *h, double q) {
  uint64_t want = (uint64_t)((double)h->n * q + 0.999999), seen = 0;
  for (uint64_t i = 0; i < HIST_BUCKETS; i++) {
    seen += h->count[i];
    if (seen < want || seen == 0) continue;
    uint64_t power = i < HIST_STEPS ? 0 : i / (HIST_STEPS / 2) - 1;
    uint64_t low = power == 0 ? i : (i - power * (HIST_STEPS / 2)) << power;
    uint64_t high = low + ((uint64_t)1 << power) - 1;
    return high < h->max ? high : h->max;
  }
  return h->max;
}
#endif
