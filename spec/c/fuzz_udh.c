/* Reads any octets as a user data header. */
#include <stdlib.h>
#include <string.h>

#include "smpp/udh.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct smpp_udh udh;
  struct smpp_reader r;
  struct smpp_udh_element element;
  size_t header_octets = 0;
  int err = smpp_udh_read(data, size, &udh);
  EXPECT(err == smpp_udh_open(data, size, &r, &header_octets));
  if (err != 0) return 0;
  EXPECT(udh.header_octets == header_octets && header_octets <= size);
  EXPECT(udh.concat_bits == 0 || (udh.seq >= 1 && udh.seq <= udh.total));
  while (smpp_udh_next(&r, &element)) {
    EXPECT(element.data + element.length <= data + header_octets);
    if (smpp_udh_check(&element) != 0) continue;
    for (const struct smpp_udh_field *f = smpp_udh_row(element.iei)->fields; f->name != NULL; f++) {
      uint8_t copy[256];
      if ((size_t)f->offset + f->octets > element.length) continue;
      memset(copy, 0, sizeof copy);
      EXPECT(smpp_udh_put(f, copy, smpp_udh_get(f, element.data)));
      EXPECT(smpp_udh_get(f, copy) == smpp_udh_get(f, element.data));
    }
  }
  EXPECT(r.pos == data + header_octets);
  return 0;
}
