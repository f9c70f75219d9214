/* Prefixes: what a search finds is what comparing with each of them finds; an addition or a freeze that gets no memory loses nothing. */
#include "check.h"
#include "smpp/alloc.h"
#include "smpp/prefix.h"

enum { MANY = 400, LONGEST = SMPP_PREFIX_MAX_OCTETS };

static uint32_t state = 1;

static uint32_t any(uint32_t below) {
  state = state * 1664525u + 1013904223u;
  return (state >> 16) % below;
}

/* Numbers of few digits, so that many begin others; now and then a name. */
static size_t any_number(char out[LONGEST + 4], size_t most) {
  size_t length = any((uint32_t)most + 1);
  for (size_t i = 0; i < length; i++) out[i] = any(12) == 0 ? (char)any(256) : (char)('0' + any(3));
  return length;
}

struct one {
  char octets[LONGEST + 4];
  size_t length;
};

static bool begins(const struct one *prefix, const char *number, size_t length) {
  return prefix->length <= length && memcmp(prefix->octets, number, prefix->length) == 0;
}

static void check_search(const struct smpp_prefixes *p, const struct one *list, const char *number, size_t length) {
  struct smpp_prefix_search search;
  unsigned found = 0, expected = 0;
  size_t octets, last = 0;
  uint32_t value;
  bool right = true;
  for (unsigned i = 0; i < MANY; i++) expected += begins(&list[i], number, length);
  uint8_t *copy = exactly(number, length);
  smpp_prefix_search(&search, p, copy, length);
  while (smpp_prefix_next(&search, &value, &octets)) {
    right = right && value < MANY && begins(&list[value], number, length) && list[value].length == octets && octets >= last;
    last = octets;
    found++;
  }
  free(copy);
  CHECK(right && found == expected);
  CHECK(!smpp_prefix_next(&search, &value, &octets));
}

static void finds_what_comparing_finds(void) {
  static struct one list[MANY];
  struct smpp_prefixes p;
  smpp_prefixes_init(&p);
  CHECK(smpp_prefixes_freeze(&p) == 0);
  for (unsigned round = 0; round < 20; round++) {
    smpp_prefixes_clear(&p);
    for (unsigned i = 0; i < MANY; i++) {
      list[i].length = any_number(list[i].octets, round < 10 ? 6 : LONGEST);
      CHECK(smpp_prefixes_add(&p, (const uint8_t *)list[i].octets, list[i].length, i) == 0);
      if (i == MANY / 2) CHECK(smpp_prefixes_freeze(&p) == 0); /* more may come */
    }
    CHECK(smpp_prefixes_freeze(&p) == 0);
    for (unsigned i = 0; i < 500; i++) {
      char number[LONGEST + 4];
      size_t length = any_number(number, LONGEST);
      const struct one *near = &list[any(MANY)];
      if (i % 2 == 0) memcpy(number, near->octets, near->length < length ? near->length : length);
      check_search(&p, list, number, length);
    }
  }
  smpp_prefixes_clear(&p);
}

static void refuses_what_is_too_long(void) {
  struct smpp_prefixes p;
  const uint8_t octets[LONGEST + 1] = "aaaaaaaaaaaaaaaaaaaaaa";
  struct smpp_prefix_search search;
  uint32_t value;
  size_t length;
  smpp_prefixes_init(&p);
  CHECK(smpp_prefixes_add(&p, octets, LONGEST + 1, 1) == SMPP_ERR_TOO_LONG);
  CHECK(p.key_count == 0);
  CHECK(smpp_prefixes_add(&p, octets, LONGEST, 1) == 0);
  smpp_prefix_search(&search, &p, octets, LONGEST);
  CHECK(!smpp_prefix_next(&search, &value, &length)); /* not frozen */
  CHECK(smpp_prefixes_freeze(&p) == 0);
  smpp_prefix_search(&search, &p, octets, LONGEST + 1); /* a number that is longer than any prefix */
  CHECK(smpp_prefix_next(&search, &value, &length) && value == 1 && length == LONGEST);
  smpp_prefix_search(&search, &p, octets, LONGEST - 1);
  CHECK(!smpp_prefix_next(&search, &value, &length));
  smpp_prefixes_clear(&p);
}

static long calls_left;

static void *failing(void *block, size_t size) {
  if (size == 0) {
    free(block);
    return NULL;
  }
  return calls_left-- <= 0 ? NULL : realloc(block, size);
}

static void survives_a_lack_of_memory(void) {
  smpp_set_allocator(failing);
  for (long n = 0; n < 12; n++) {
    struct smpp_prefixes p;
    uint32_t added = 0;
    struct smpp_prefix_search search;
    uint32_t value, found = 0;
    size_t octets;
    smpp_prefixes_init(&p);
    calls_left = n;
    for (uint32_t i = 0; i < 200; i++) {
      uint8_t digits[3] = {(uint8_t)('0' + i / 100), (uint8_t)('0' + i / 10 % 10), (uint8_t)('0' + i % 10)};
      added += smpp_prefixes_add(&p, digits, 3, i) == 0;
    }
    CHECK(p.key_count == added);
    if (smpp_prefixes_freeze(&p) != 0) {
      smpp_prefix_search(&search, &p, (const uint8_t *)"0011", 4);
      CHECK(!smpp_prefix_next(&search, &value, &octets));
      calls_left = 100;
      CHECK(smpp_prefixes_freeze(&p) == 0);
    }
    smpp_prefix_search(&search, &p, (const uint8_t *)"0011", 4);
    while (smpp_prefix_next(&search, &value, &octets)) found++;
    CHECK(found == (added > 1 ? 1 : 0));
    smpp_prefixes_clear(&p);
    CHECK(smpp_prefixes_memory(&p) == 0);
  }
  smpp_set_allocator(NULL);
}

int main(void) {
  finds_what_comparing_finds();
  refuses_what_is_too_long();
  survives_a_lack_of_memory();
  return report();
}
