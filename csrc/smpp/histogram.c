#include "histogram.h"

#include <string.h>

enum { HALF = SMPP_HISTOGRAM_SUB / 2 };

uint32_t smpp_histogram_index(uint32_t us) {
  uint32_t index = 0;
  for (; us >= SMPP_HISTOGRAM_SUB; us >>= 1) index += HALF;
  return index + us;
}

uint32_t smpp_histogram_highest(uint32_t index) {
  if (index < SMPP_HISTOGRAM_SUB) return index;
  uint32_t bucket = index / HALF - 1;
  uint64_t next = (uint64_t)(index - bucket * HALF + 1) << bucket;
  return (uint32_t)(next - 1);
}

void smpp_histogram_clear(struct smpp_histogram *h) {
  uint32_t from = h->count > 0 ? smpp_histogram_index(h->min_us) : 0, to = h->count > 0 ? smpp_histogram_index(h->max_us) + 1 : 0;
  memset(h->counts + from, 0, (to - from) * sizeof *h->counts);
  h->count = h->clamped = 0;
  h->sum_us = 0;
}

static void widen(struct smpp_histogram *h, uint32_t min_us, uint32_t max_us) {
  if (h->count == 0 || min_us < h->min_us) h->min_us = min_us;
  if (h->count == 0 || max_us > h->max_us) h->max_us = max_us;
}

void smpp_histogram_put(struct smpp_histogram *h, uint32_t us, uint64_t times) {
  if (times == 0) return;
  if (us > SMPP_HISTOGRAM_HIGHEST) us = SMPP_HISTOGRAM_HIGHEST;
  widen(h, us, us);
  h->counts[smpp_histogram_index(us)] += times;
  h->count += times;
  h->sum_us += (double)us * (double)times;
}

void smpp_histogram_record(struct smpp_histogram *h, double seconds) {
  double us = seconds * 1e6 + 0.5;
  if (us > SMPP_HISTOGRAM_HIGHEST + 1.0) {
    h->clamped++;
    us = SMPP_HISTOGRAM_HIGHEST;
  }
  smpp_histogram_put(h, us >= 1 ? (uint32_t)us : seconds > 0 ? 1 : 0, 1);
}

void smpp_histogram_add(struct smpp_histogram *h, const struct smpp_histogram *other) {
  if (other->count == 0) return;
  widen(h, other->min_us, other->max_us);
  uint32_t last = smpp_histogram_index(other->max_us);
  for (uint32_t i = smpp_histogram_index(other->min_us); i <= last; i++) h->counts[i] += other->counts[i];
  h->count += other->count;
  h->clamped += other->clamped;
  h->sum_us += other->sum_us;
}

uint32_t smpp_histogram_value(const struct smpp_histogram *h, uint64_t wanted) {
  uint32_t i = smpp_histogram_index(h->min_us), last = smpp_histogram_index(h->max_us);
  for (uint64_t seen = h->counts[i]; seen < wanted && i < last;) seen += h->counts[++i];
  uint32_t us = smpp_histogram_highest(i);
  return us < h->max_us ? us : h->max_us;
}
