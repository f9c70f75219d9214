/* udh.c: headers whole, cut at every octet, and with lengths that contradict one another. */
#include "check.h"
#include "smpp/udh.h"

static int read_header(const uint8_t *octets, size_t length, struct smpp_udh *out) {
  uint8_t *copy = exactly(octets, length);
  int error = smpp_udh_read(copy, length, out);
  free(copy);
  return error;
}

int main(void) {
  static const uint8_t whole[] = {20, 0, 3, 7, 3, 2, 5, 4, 0x0B, 0x84, 0x23, 0xF0, 0x24, 1, 1, 0x25, 1, 3, 0x70, 1, 9, 'H', 'i'};
  static const uint8_t nothing[sizeof(struct smpp_udh)];
  struct smpp_udh udh;
  CHECK(read_header(whole, sizeof whole, &udh) == 0);
  CHECK(udh.header_octets == 21 && udh.concat_bits == 8 && udh.reference == 7 && udh.total == 3 && udh.seq == 2);
  CHECK(udh.port_bits == 16 && udh.dest_port == 2948 && udh.orig_port == 9200 && udh.single == 1 && udh.locking == 3);
  for (size_t length = 0; length < 21; length++) {
    memset(&udh, 1, sizeof udh);
    CHECK(read_header(whole, length, &udh) == SMPP_ERR_TRUNCATED);
    CHECK(udh.header_octets == 0 && udh.concat_bits == 0 && memcmp(&udh.dest_port, nothing, sizeof udh.dest_port) == 0);
  }
  static const uint8_t too_long[] = {4, 0, 9, 7, 3, 'x', 'x', 'x', 'x', 'x', 'x'}; /* an element of 9 octets in 4 */
  CHECK(read_header(too_long, sizeof too_long, &udh) == SMPP_ERR_BAD_LENGTH);
  static const uint8_t empty[] = {0, 'x'};
  CHECK(read_header(empty, sizeof empty, &udh) == 0 && udh.header_octets == 1);
  static const uint8_t wide[] = {6, 8, 4, 1, 2, 5, 5};
  CHECK(read_header(wide, sizeof wide, &udh) == 0 && udh.concat_bits == 16 && udh.reference == 258 && udh.seq == 5);

  static const struct {
    uint8_t octets[6];
    int error;
  } elements[] = {{{0, 3, 1, 2, 1}, 0}, {{0, 3, 1, 2, 0}, SMPP_ERR_BAD_VALUE}, {{0, 3, 1, 2, 3}, SMPP_ERR_BAD_VALUE},
                  {{0, 2, 1, 2}, SMPP_ERR_BAD_LENGTH}, {{8, 3, 1, 2, 1}, SMPP_ERR_BAD_LENGTH}, {{0x24, 1, 1}, 0}};
  for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
    struct smpp_udh_element element = {elements[i].octets[0], elements[i].octets[1], elements[i].octets + 2};
    CHECK(smpp_udh_check(&element) == elements[i].error);
  }

  for (unsigned iei = 0; iei < 256; iei++) { /* every field of every element takes its largest number, and no larger one */
    const struct smpp_udh_row *row = smpp_udh_row((uint8_t)iei);
    CHECK(row != NULL && row->name != NULL && iei >= row->first && iei <= row->last);
    for (const struct smpp_udh_field *field = row->fields; field->name != NULL; field++) {
      uint8_t data[140] = {0};
      unsigned bits = field->bits != 0 ? field->bits : field->octets * 8u;
      uint32_t most = bits >= 32 ? 0xFFFFFFFFu : (1u << bits) - 1;
      CHECK(field->offset + field->octets <= (row->max > 0 ? row->max : 140));
      CHECK(smpp_udh_put(field, data, most) && smpp_udh_get(field, data) == most);
      if (most != 0xFFFFFFFFu) CHECK(!smpp_udh_put(field, data, most + 1));
    }
  }
  CHECK(smpp_udh_iei("concat_8bit") == 0 && smpp_udh_iei("reserved") == -1 && smpp_udh_iei("nonsense") == -1);
  return report();
}
