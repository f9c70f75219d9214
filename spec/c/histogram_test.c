/* Histogram: every index is reached, in order; percentiles are those of a sorted list to 0.1 %; sums of histograms. */
#include "check.h"
#include "smpp/histogram.h"

static uint64_t state = 7;

static uint32_t any_us(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) >> (state >> 59); /* of all magnitudes */
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void indices(void) {
  uint32_t next = 0;
  for (uint32_t i = 0; i < SMPP_HISTOGRAM_SIZE; i++) {
    uint32_t highest = smpp_histogram_highest(i);
    CHECK(smpp_histogram_index(highest) == i && smpp_histogram_index(next) == i);
    next = highest + 1;
  }
  CHECK(smpp_histogram_index(SMPP_HISTOGRAM_HIGHEST) == SMPP_HISTOGRAM_SIZE - 1);
}

static struct smpp_histogram all, part, other;

static void percentiles(void) {
  enum { MANY = 5000 };
  static uint32_t list[MANY];
  smpp_histogram_clear(&all);
  for (int i = 0; i < MANY; i++) {
    list[i] = any_us();
    smpp_histogram_record(i % 2 ? &part : &other, list[i] / 1e6);
    smpp_histogram_record(&all, list[i] / 1e6);
  }
  qsort(list, MANY, sizeof *list, by_value);
  CHECK(all.count == MANY && all.min_us == list[0] && all.max_us == list[MANY - 1] && all.clamped == 0);
  for (uint32_t wanted = 1; wanted <= MANY; wanted += 7) {
    uint32_t exact = list[wanted - 1], got = smpp_histogram_value(&all, wanted);
    CHECK(got >= exact && got <= exact + exact / 1000 + 1);
  }
  CHECK(smpp_histogram_value(&all, MANY) == list[MANY - 1]);
  smpp_histogram_add(&part, &other);
  CHECK(memcmp(part.counts, all.counts, sizeof all.counts) == 0 && part.count == all.count && part.sum_us == all.sum_us);
  CHECK(part.min_us == all.min_us && part.max_us == all.max_us);
  smpp_histogram_clear(&part);
  smpp_histogram_add(&all, &part); /* of nothing */
  CHECK(all.count == MANY);
  uint64_t left = 0;
  for (int i = 0; i < SMPP_HISTOGRAM_SIZE; i++) left += part.counts[i];
  CHECK(left == 0 && part.count == 0);
}

static void ends(void) {
  smpp_histogram_clear(&all);
  smpp_histogram_record(&all, 1e-9);
  CHECK(all.min_us == 1);
  smpp_histogram_record(&all, 0);
  smpp_histogram_record(&all, -5);
  CHECK(all.counts[0] == 2 && all.counts[1] == 1);
  smpp_histogram_record(&all, 3600);
  CHECK(all.clamped == 0);
  smpp_histogram_record(&all, 1e30);
  CHECK(all.clamped == 1 && all.max_us == SMPP_HISTOGRAM_HIGHEST && all.counts[SMPP_HISTOGRAM_SIZE - 1] == 2);
  smpp_histogram_put(&all, UINT32_MAX, 3);
  smpp_histogram_put(&all, 5, 0);
  CHECK(all.counts[SMPP_HISTOGRAM_SIZE - 1] == 5 && all.counts[5] == 0 && all.count == 8);
}

int main(void) {
  indices();
  percentiles();
  ends();
  return report();
}
