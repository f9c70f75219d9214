/* Any prefixes and any number: a search finds what comparing with each prefix finds, and in order of length. */
#include <stdlib.h>
#include <string.h>

#include "smpp/prefix.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64 };

/* The next piece of the input: an octet with its length, then itself. */
static const uint8_t *piece(const uint8_t **data, size_t *left, size_t *length) {
  if (*left == 0) return NULL;
  *length = (*data)[0] % 24;
  if (*length > *left - 1) *length = *left - 1;
  const uint8_t *octets = *data + 1;
  *data += 1 + *length;
  *left -= 1 + *length;
  return octets;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct smpp_prefixes p;
  const uint8_t *octets[MOST], *number;
  size_t length[MOST], number_length;
  uint32_t count = 0;
  smpp_prefixes_init(&p);
  while (count < MOST && (octets[count] = piece(&data, &size, &length[count])) != NULL) {
    int err = smpp_prefixes_add(&p, octets[count], length[count], count);
    EXPECT(err == (length[count] > SMPP_PREFIX_MAX_OCTETS ? SMPP_ERR_TOO_LONG : 0));
    count += err == 0;
  }
  EXPECT(smpp_prefixes_freeze(&p) == 0 && p.key_count == count);
  for (uint32_t i = 0; i <= count; i++) { /* each prefix is a number, too; and what is left of the input */
    number = i < count ? octets[i] : data;
    number_length = i < count ? length[i] : size;
    struct smpp_prefix_search search;
    uint32_t value, found = 0, expected = 0;
    size_t found_octets, last = 0;
    for (uint32_t k = 0; k < count; k++) expected += length[k] <= number_length && (length[k] == 0 || memcmp(octets[k], number, length[k]) == 0);
    smpp_prefix_search(&search, &p, number, number_length);
    for (; smpp_prefix_next(&search, &value, &found_octets); found++) {
      EXPECT(value < count && found_octets == length[value] && found_octets >= last && found_octets <= number_length);
      EXPECT(found_octets == 0 || memcmp(octets[value], number, found_octets) == 0);
      last = found_octets;
    }
    EXPECT(found == expected);
  }
  smpp_prefixes_clear(&p);
  return 0;
}
