/* A message as a peer sends it, any data_coding, user data header and octets together: read as a phone would, then
 * encoded, cut and read again. */
#include <stdlib.h>
#include <string.h>

#include "smpp/datacoding.h"
#include "smpp/gsm7.h"
#include "smpp/receipt.h"
#include "smpp/shown.h"
#include "smpp/text.h"
#include "smpp/udh.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
  const uint8_t *octets;
  size_t length;
  unsigned fill;
};

/* What stands behind the header, with the languages that it names. */
static struct body behind_header(const uint8_t *octets, size_t length, struct smpp_coding *coding) {
  struct body body = {octets, length, 0};
  struct smpp_udh udh;
  struct smpp_udh_element element;
  struct smpp_reader r;
  size_t header = 0;
  if (smpp_udh_open(octets, length, &r, &header) == 0) {
    while (smpp_udh_next(&r, &element)) {
      const struct smpp_udh_row *row = smpp_udh_row(element.iei);
      if (smpp_udh_check(&element) == SMPP_ERR_BAD_LENGTH) continue;
      for (const struct smpp_udh_field *field = row->fields; field->name != NULL; field++)
        if ((unsigned)field->offset + field->octets <= element.length) (void)smpp_udh_get(field, element.data);
    }
  }
  if (smpp_udh_read(octets, length, &udh) != 0) return body;
  EXPECT(udh.header_octets <= length);
  body.octets += udh.header_octets;
  body.length -= udh.header_octets;
  body.fill = smpp_text_fill(udh.header_octets);
  coding->locking = udh.locking;
  coding->single = udh.single;
  return body;
}

/* Each part holds at most |capacity| units; together they are the text. */
static void cut(const struct smpp_coding *coding, const uint8_t *text, size_t length, const struct body *foreign,
                size_t capacity, bool graphemes) {
  struct smpp_cutter cutter = {*coding, text, text + length, NULL, NULL, graphemes};
  if (foreign != NULL) {
    cutter.foreign = foreign->octets;
    cutter.foreign_end = foreign->octets + foreign->length;
  }
  while (cutter.text < cutter.end) {
    const uint8_t *before = cutter.text;
    size_t octets = 0, units = 0;
    if (smpp_text_cut(&cutter, capacity, &octets, &units) != 0) return;
    EXPECT(octets > 0 && units <= capacity && cutter.text == before + octets);
  }
}

static void encode_again(const struct smpp_coding *coding, const uint8_t *text, size_t length, unsigned fill) {
  struct smpp_coding known = *coding;
  struct smpp_text_fault fault = {0, 0, 0};
  size_t octets = 0, units = 0;
  if (!smpp_language_has_locking(known.locking)) known.locking = 0;
  if (!smpp_language_has_single(known.single)) known.single = 0;
  uint8_t *out = malloc(smpp_text_encode_bound(length));
  EXPECT(out != NULL);
  if (smpp_text_encode(&known, text, length, fill, out, &octets, &units, &fault) == 0) EXPECT(octets <= smpp_text_encode_bound(length));
  free(out);
}

/* data_coding, flags, capacity (2), an alphabet; then the octets of the message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 6) return 0;
  unsigned flags = data[1], capacity = data[2] | (flags & 0x80u ? (unsigned)data[3] << 8 : 0);
  struct smpp_data_coding read = smpp_data_coding_read(data[0]);
  struct smpp_coding coding = {flags & 1u ? (enum smpp_encoding)(data[4] % SMPP_ENCODING_COUNT) : read.encoding, 0, 0};
  size_t length = size - 5;
  uint8_t *octets = malloc(length);
  EXPECT(octets != NULL);
  memcpy(octets, data + 5, length);
  struct body body = {octets, length, data[3] % 7u};
  if (flags & 2u) body = behind_header(octets, length, &coding);
  struct smpp_text_problems problems;
  problems.count = 0;
  uint8_t *text = malloc(smpp_text_decode_bound(body.length));
  EXPECT(text != NULL);
  size_t written = smpp_text_decode(&coding, body.octets, body.length, body.fill, flags & 4u ? capacity : SIZE_MAX, text, &problems);
  bool is_foreign = smpp_encoding_is_foreign(coding.encoding);
  EXPECT(written <= smpp_text_decode_bound(body.length));
  if (!is_foreign && coding.encoding != SMPP_BINARY) EXPECT(smpp_utf8_prefix(text, written) == written);
  uint8_t *exact = malloc(written + 1);
  EXPECT(exact != NULL);
  memcpy(exact, text, written);
  encode_again(&coding, exact, written, body.fill);
  cut(&coding, exact, written, is_foreign ? &body : NULL, capacity, (flags & 8u) != 0);
  uint8_t rebased[SMPP_REBASED_MAX];
  EXPECT(smpp_message_id_rebase(octets, length, (flags & 16u) != 0, rebased) <= sizeof rebased);
  struct smpp_receipt receipt;
  smpp_receipt_scan(octets, length, &receipt);
  for (int key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    const struct smpp_receipt_field *field = &receipt.field[key];
    if (field->octets != NULL) EXPECT(field->octets >= octets && field->length <= (size_t)(octets + length - field->octets));
  }
  free(exact);
  free(text);
  free(octets);
  return 0;
}
