/* A received PDU written again from its parts as they stand on the wire, as pdu:with does, is the same octets; lists and
 * problems stay inside it, whatever was tolerated. */
#include <stdlib.h>
#include <string.h>

#include "smpp/pdu.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

enum { MOST = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct smpp_tlv_out tlvs[MOST / 4];

static void check_items(const struct smpp_pdu *pdu, unsigned position) {
  struct smpp_list_item item;
  uint32_t offset = 0;
  for (unsigned n = 0; smpp_pdu_next_item(pdu, position, &offset, &item); n++) {
    const uint8_t *text = (const uint8_t *)item.text;
    EXPECT(n < 255 && text >= pdu->octets && item.text_length <= (size_t)(pdu->octets + pdu->length - text));
  }
}

/* Every parameter from the end of the one before to its own, its NUL included. */
static void take_params(const struct smpp_pdu *pdu, struct smpp_message *message) {
  const struct smpp_param *params = pdu->command->params;
  uint32_t at = SMPP_HEADER_OCTETS;
  for (unsigned i = 0; i < pdu->command->param_count; i++) {
    message->params[i].is = SMPP_WIRE;
    if (i >= pdu->param_count) continue;
    uint32_t end = pdu->params[i].offset + pdu->params[i].length;
    EXPECT(pdu->params[i].offset >= at && end <= pdu->length);
    if ((params[i].kind == SMPP_CSTRING || params[i].kind == SMPP_TIME) && end < pdu->length) end++;
    message->params[i].octets = pdu->octets + at;
    message->params[i].length = end - at;
    at = end;
    if (i + 1 == pdu->command->param_count) { /* a NUL that short_message does not count may follow */
      message->padding = pdu->octets + at;
      message->padding_length = pdu->tlv_offset - at;
    }
    if (params[i].kind == SMPP_DESTS || params[i].kind == SMPP_UNSUCCESS || params[i].kind == SMPP_IDS) check_items(pdu, i);
  }
}

static void check(const struct smpp_pdu *pdu, size_t most_problems) {
  struct smpp_problem problems[3];
  size_t found = smpp_pdu_problems(pdu, problems, most_problems);
  for (size_t i = 0; i < found && i < most_problems; i++) EXPECT(problems[i].offset <= pdu->length && problems[i].text != NULL);
  EXPECT(pdu->tlv_offset <= pdu->tlv_end && pdu->tlv_end <= pdu->length);
  if (pdu->command == NULL) return;
  struct smpp_message message = {0};
  struct smpp_fault fault = {0};
  struct smpp_tlv tlv;
  message.command = pdu->command;
  message.status = pdu->status;
  message.sequence = pdu->sequence;
  take_params(pdu, &message);
  message.tlvs = tlvs;
  for (uint32_t offset = pdu->tlv_offset; smpp_pdu_next_tlv(pdu, &offset, &tlv);)
    tlvs[message.tlv_count++] = (struct smpp_tlv_out){tlv.tag, tlv.length, tlv.octets};
  message.trailing = pdu->octets + pdu->tlv_end;
  message.trailing_length = pdu->length - pdu->tlv_end;
  uint8_t *out = malloc(pdu->length);
  EXPECT(out != NULL);
  struct smpp_writer w = {out, pdu->length, 0};
  EXPECT(smpp_pdu_encode(&message, &w, &fault) == 0);
  EXPECT(w.length == pdu->length && memcmp(out, pdu->octets, pdu->length) == 0);
  free(out);
}

/* The first octet says what is tolerated; the length is always right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1 + SMPP_HEADER_OCTETS || size > MOST) return 0;
  unsigned tolerate = data[0] & 15u;
  size_t length = size - 1;
  uint8_t *octets = malloc(length); /* a block of its own: what is read behind it is found */
  struct smpp_pdu pdu;
  EXPECT(octets != NULL);
  memcpy(octets, data + 1, length);
  smpp_set_u32(octets, (uint32_t)length);
  memset(&pdu, 0xAA, sizeof pdu); /* nothing may count on zeros */
  smpp_pdu_decode(octets, (uint32_t)length, tolerate, NULL, &pdu);
  check(&pdu, data[0] >> 4 & 3u);
  free(octets);
  return 0;
}
