/* histogram.h - durations counted with three significant digits, in HdrHistogram's layout: nothing is sampled, and a
 * percentile is at most 0.1 % above what was measured.  From 1 microsecond to an hour; longer ones count as an hour. */
#ifndef SMPP_HISTOGRAM_H
#define SMPP_HISTOGRAM_H

#include <stdint.h>

#define SMPP_HISTOGRAM_HIGHEST 3600000000u /* microseconds */

enum {
  SMPP_HISTOGRAM_SUB = 2048, /* linear steps of the lowest bucket: 2 * 10^3, rounded up to a power of two */
  SMPP_HISTOGRAM_SIZE = 21 * (SMPP_HISTOGRAM_SUB / 2) + (int)(SMPP_HISTOGRAM_HIGHEST >> 21) + 1
};

struct smpp_histogram {
  uint64_t count, clamped; /* of all durations, and of those above an hour */
  double sum_us;
  uint32_t min_us, max_us; /* meaningless while |count| is 0 */
  uint64_t counts[SMPP_HISTOGRAM_SIZE];
};

/* All zero is empty, too. */
void smpp_histogram_clear(struct smpp_histogram *h);

/* Where a value is counted, and the highest value that is counted there. */
uint32_t smpp_histogram_index(uint32_t us);
uint32_t smpp_histogram_highest(uint32_t index);

/* Counts |us| so many times. */
void smpp_histogram_put(struct smpp_histogram *h, uint32_t us, uint64_t times);

/* Counts a duration; what is not above 0 counts as 0. */
void smpp_histogram_record(struct smpp_histogram *h, double seconds);

void smpp_histogram_add(struct smpp_histogram *h, const struct smpp_histogram *other);

/* The smallest value counted that |wanted| values do not exceed, 1 to h->count; at most the largest that was counted. */
uint32_t smpp_histogram_value(const struct smpp_histogram *h, uint64_t wanted);

#endif
