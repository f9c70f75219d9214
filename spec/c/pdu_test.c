/* pdu.c: a PDU of every command, empty, cut at every octet and with any octet changed: nothing behind it is read, and
 * what it tells lies inside it. */
#include "check.h"
#include "smpp/pdu.h"

static uint8_t sample[512];

/* An empty PDU of the command, with a TLV behind its parameters. */
static uint32_t make(const struct smpp_command *command) {
  static const uint8_t payload[] = {'H', 'i'};
  static const struct smpp_tlv_out tlv = {0x0424, 2, payload};
  struct smpp_message message = {.command = command, .sequence = 7};
  struct smpp_writer w = {sample, sizeof sample, 0};
  struct smpp_fault fault;
  if (command->tlv_versions != 0) {
    message.tlvs = &tlv;
    message.tlv_count = 1;
  }
  CHECK_FOR(smpp_pdu_encode(&message, &w, &fault) == 0 && smpp_write_fits(&w), command->name);
  return (uint32_t)w.length;
}

/* Reads all of a PDU; every place must lie inside it. */
static void walk(const uint8_t *octets, uint32_t length) {
  struct smpp_pdu pdu;
  struct smpp_tlv tlv;
  struct smpp_list_item item;
  struct smpp_problem problems[4];
  bool inside = true;
  smpp_pdu_decode(octets, length, 0, NULL, &pdu);
  inside = inside && pdu.length == length && pdu.tlv_offset <= length && pdu.tlv_end <= length && pdu.param_count <= SMPP_PARAMS_MAX;
  for (unsigned i = 0; i < pdu.param_count; i++) {
    inside = inside && pdu.params[i].offset <= length && pdu.params[i].length <= length - pdu.params[i].offset;
    uint8_t kind = pdu.command->params[i].kind;
    if (kind == SMPP_DESTS || kind == SMPP_UNSUCCESS || kind == SMPP_IDS)
      for (uint32_t offset = 0; smpp_pdu_next_item(&pdu, i, &offset, &item);) inside = inside && item.text_length <= length;
    if (kind <= SMPP_U32) (void)smpp_pdu_number(&pdu, i);
  }
  for (uint32_t offset = pdu.tlv_offset; smpp_pdu_next_tlv(&pdu, &offset, &tlv);)
    inside = inside && tlv.octets >= octets && tlv.octets + tlv.length <= octets + length;
  size_t n = smpp_pdu_problems(&pdu, problems, 4);
  for (size_t i = 0; i < n && i < 4; i++) inside = inside && problems[i].offset <= length && problems[i].code != NULL;
  inside = inside && (pdu.refuse == 0 || n > 0);
  CHECK(inside);
}

/* A submit_sm that begins with a service_type of so many octets, in a PDU of |length|; without a NUL if that ends it. */
static struct smpp_pdu with_service_type(uint8_t *octets, uint32_t service_type, uint32_t length) {
  struct smpp_pdu pdu;
  memset(octets, 0, length);
  smpp_write_header(octets, length, SMPP_SUBMIT_SM, 0, 1);
  memset(octets + SMPP_HEADER_OCTETS, 'x', service_type);
  walk(octets, length);
  smpp_pdu_decode(octets, length, SMPP_TOLERATE_OVERLONG, NULL, &pdu);
  return pdu;
}

/* Places of parameters are 16 bits; TLVs may lie anywhere. */
static void test_large(void) {
  enum { LARGE = 131072, MOST = SMPP_PARAMS_OCTETS_MAX, PARAMS = 17 };
  uint8_t *octets = calloc(1, LARGE);
  if (octets == NULL) abort();
  const uint32_t rest = PARAMS - 1; /* of the empty parameters behind it */
  struct smpp_tlv tlv;

  struct smpp_pdu pdu = with_service_type(octets, MOST - SMPP_HEADER_OCTETS - 1 - rest, LARGE);
  CHECK(pdu.param_count == PARAMS && pdu.params[0].offset == SMPP_HEADER_OCTETS && pdu.params[0].length == MOST - SMPP_HEADER_OCTETS - 1 - rest);
  CHECK(pdu.params[PARAMS - 1].offset == MOST && pdu.params[PARAMS - 1].length == 0 && pdu.tlv_offset == MOST && pdu.refuse == 0);
  pdu = with_service_type(octets, MOST - SMPP_HEADER_OCTETS - rest, LARGE);
  CHECK(pdu.param_count == PARAMS - 1 && pdu.refuse == SMPP_RINVCMDLEN);
  pdu = with_service_type(octets, LARGE - SMPP_HEADER_OCTETS - 1, LARGE);
  CHECK(pdu.param_count == 1 && pdu.params[0].length == MOST - SMPP_HEADER_OCTETS && pdu.refuse != 0);

  uint32_t length = SMPP_HEADER_OCTETS + PARAMS + 4 + 0xFFFF;
  memset(octets, 0, LARGE);
  smpp_write_header(octets, length, SMPP_SUBMIT_SM, 0, 1);
  smpp_set_u32(octets + SMPP_HEADER_OCTETS + PARAMS, 0x0424FFFF); /* message_payload */
  walk(octets, length);
  smpp_pdu_decode(octets, length, 0, NULL, &pdu);
  CHECK(pdu.param_count == PARAMS && pdu.refuse == 0 && pdu.tlv_end == length);
  CHECK(smpp_pdu_find_tlv(&pdu, 0x0424, &tlv) && tlv.length == 0xFFFF && tlv.octets + tlv.length == octets + length);
  free(octets);
}

int main(void) {
  uint32_t length = 0;
  uint8_t header[4] = {0, 0, 0, 16};
  for (size_t i = 0; i < 4; i++) CHECK(smpp_pdu_frame(header, i, 100, &length) == SMPP_ERR_TRUNCATED && length == 0);
  CHECK(smpp_pdu_frame(header, 4, 100, &length) == SMPP_ERR_TRUNCATED && length == 16);
  header[3] = 15;
  CHECK(smpp_pdu_frame(header, 4, 100, &length) == SMPP_ERR_BAD_LENGTH);
  header[3] = 101;
  CHECK(smpp_pdu_frame(header, 4, 100, &length) == SMPP_ERR_BAD_LENGTH);

  const struct smpp_command *command;
  for (size_t i = 0; (command = smpp_command_at(i)) != NULL; i++) {
    uint32_t whole = make(command);
    CHECK(smpp_pdu_frame(sample, whole, whole, &length) == 0 && length == whole);
    struct smpp_pdu pdu;
    smpp_pdu_decode(sample, whole, 0, NULL, &pdu);
    CHECK_FOR(pdu.command == command && pdu.sequence == 7, command->name);
    for (uint32_t cut = 16; cut <= whole; cut++) {
      uint8_t *octets = exactly(sample, cut);
      smpp_set_u32(octets, cut);
      walk(octets, cut);
      free(octets);
    }
    for (uint32_t at = 4; at < whole; at++) {
      uint8_t *octets = exactly(sample, whole);
      for (int value = 0; value < 4; value++) {
        octets[at] = (uint8_t[]){0xFF, 0x80, 0x01, 0x00}[value];
        walk(octets, whole);
      }
      free(octets);
    }
  }
  test_large();
  return report();
}
