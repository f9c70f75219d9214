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
  return report();
}
