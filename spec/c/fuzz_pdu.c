/* Reads any octets as PDUs, one after the other, and writes each again: as it lay on the wire, from its values, and
 * with values of the fuzzer's. */
#include <stdlib.h>
#include <string.h>

#include "smpp/part.h"
#include "smpp/receipt_pdu.h"
#include "smpp/relay.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

#define MOST 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct smpp_list_item items[256];
static struct smpp_tlv_out tlvs[MOST / 4];
static uint8_t out[MOST * 2];

/* A vendor's command with a parameter of every kind that can be declared. */
static const uint8_t positions[48] = {[47] = 1, [46] = 2, [45] = 3, [44] = 4, [43] = 5, [SMPP_F_SHORT_MESSAGE] = 6};
static const struct smpp_param params[] = {
    {"a", 47, SMPP_CSTRING, {9, 9, 9}, 0, 2}, {"b", 46, SMPP_U8, {1, 1, 1}, 0, 2}, {"c", 45, SMPP_U16, {2, 2, 2}, 0, 2},
    {"d", 44, SMPP_U32, {4, 4, 4}, 0, 2},     {"e", 43, SMPP_TIME, {17, 17, 17}, 0, 2},
    {"f", SMPP_F_SHORT_MESSAGE, SMPP_TEXT, {254, 254, 254}, 0, 2}};
static const struct smpp_command probe = {.id = 0x00010201u, .name = "probe", .versions = 7, .tlv_versions = 6,
                                          .params = params, .param_count = 6, .positions = positions, .position_count = 48};
static const struct smpp_command probe_resp = {.id = 0x80010201u, .name = "probe_resp", .versions = 7, .tlv_versions = 6,
                                               .params = params, .param_count = 1, .positions = positions, .position_count = 48};
static struct smpp_declared declared;

static size_t tlvs_of(const struct smpp_pdu *pdu) {
  struct smpp_tlv tlv, found;
  size_t n = 0;
  for (uint32_t offset = pdu->tlv_offset; smpp_pdu_next_tlv(pdu, &offset, &tlv); n++) {
    EXPECT(offset <= pdu->tlv_end && tlv.octets + tlv.length <= pdu->octets + pdu->length);
    EXPECT(smpp_pdu_find_tlv(pdu, tlv.tag, &found));
    tlvs[n] = (struct smpp_tlv_out){tlv.tag, tlv.length, tlv.octets};
  }
  return n;
}

/* A parameter's value, read through the public functions. */
static struct smpp_value value_of(const struct smpp_pdu *pdu, unsigned position) {
  const struct smpp_span *span = &pdu->params[position];
  struct smpp_value value = {0};
  EXPECT(span->offset + span->length <= pdu->length);
  switch (pdu->command->params[position].kind) {
    case SMPP_U8:
    case SMPP_U16:
    case SMPP_U32:
      value.is = SMPP_NUMBER;
      value.number = smpp_pdu_number(pdu, position);
      break;
    case SMPP_DESTS:
    case SMPP_UNSUCCESS:
    case SMPP_IDS:
      value.is = SMPP_LIST;
      value.items = items;
      for (uint32_t offset = 0; value.length < 256 && smpp_pdu_next_item(pdu, position, &offset, &items[value.length]);)
        value.length++;
      break;
    default:
      value.is = SMPP_STRING;
      value.octets = pdu->octets + span->offset;
      value.length = span->length;
  }
  return value;
}

static bool has_faults(const struct smpp_pdu *pdu) {
  struct smpp_problem problems[8];
  size_t n = smpp_pdu_problems(pdu, problems, 8);
  for (size_t i = 0; i < n && i < 8; i++) {
    EXPECT(problems[i].code != NULL && problems[i].text != NULL && problems[i].offset <= pdu->length);
    if (problems[i].status != 0) return true;
  }
  return n > 8;
}

static void check(const struct smpp_pdu *pdu) {
  struct smpp_message message = {0};
  struct smpp_fault fault = {0};
  EXPECT(pdu->tlv_offset <= pdu->tlv_end && pdu->tlv_end <= pdu->length);
  bool faulty = has_faults(pdu);
  EXPECT(pdu->refuse == 0 || faulty);
  message.tlvs = tlvs;
  message.tlv_count = tlvs_of(pdu);
  message.status = pdu->status;
  message.sequence = pdu->sequence;
  message.trailing = pdu->octets + pdu->tlv_end;
  message.trailing_length = pdu->length - pdu->tlv_end;
  message.command = pdu->command != NULL ? pdu->command : &smpp_unknown_command;
  message.id = pdu->id;
  for (unsigned i = 0; i < pdu->param_count; i++) message.params[i] = value_of(pdu, i);

  struct smpp_writer w = {out, sizeof out, 0};
  int error = smpp_pdu_encode(&message, &w, &fault);
  if (!faulty && pdu->length <= MOST) { /* what is without fault comes out octet for octet */
    EXPECT(error == 0 && w.length == pdu->length && memcmp(out, pdu->octets, pdu->length) == 0);
  }
  if (error != 0) {
    EXPECT(w.length == 0 && fault.text != NULL);
    return;
  }
  struct smpp_writer counter = {NULL, 0, 0}; /* measuring and writing agree */
  EXPECT(smpp_pdu_encode(&message, &counter, &fault) == 0 && counter.length == w.length);
  if (!smpp_write_fits(&w)) return;
  struct smpp_pdu again;
  uint32_t length = 0;
  EXPECT(smpp_pdu_frame(out, w.length, sizeof out, &length) == 0 && length == w.length);
  smpp_pdu_decode(out, length, 0, &declared, &again);
  EXPECT(again.id == pdu->id && again.status == pdu->status && again.sequence == pdu->sequence);
  for (uint8_t version = SMPP_33; version <= SMPP_50; version = version == SMPP_33 ? SMPP_34 : version == SMPP_34 ? SMPP_50 : 0xFF) {
    message.version = version; /* every version's limits refuse or write, never cut */
    w.length = 0;
    if (smpp_pdu_encode(&message, &w, &fault) == 0) EXPECT(w.length == counter.length);
  }
}

/* The usual part has its octets from the PDU. */
static void check_part(const struct smpp_pdu *pdu) {
  static const uint8_t key[SMPP_SIPHASH_OCTETS];
  struct smpp_usual_part part;
  uint8_t text[SMPP_SIPHASH_OCTETS], sender[SMPP_SIPHASH_OCTETS];
  if (!smpp_part_of_pdu(pdu, &part)) return;
  EXPECT(part.seq >= 1 && part.seq <= part.total);
  EXPECT(part.octets >= pdu->octets && part.octets + part.length <= pdu->octets + pdu->length);
  if (smpp_part_key(pdu, &part, "string2:me", 10, key, text)) EXPECT(smpp_part_key(pdu, NULL, "string2:me", 10, key, sender));
  struct smpp_part_content content = {text, sizeof text, part.seq, part.data_coding, 0, 0, part.octets, part.length};
  smpp_part_content_digest(&content, key, sender);
}

/* The usual receipt has its words from the PDU. */
static void check_receipt(const struct smpp_pdu *pdu) {
  struct smpp_usual_receipt receipt;
  if (!smpp_receipt_of_pdu(pdu, &receipt)) return;
  EXPECT(receipt.state != NULL && receipt.id.length > 0);
  EXPECT(receipt.id.octets >= pdu->octets && receipt.id.octets + receipt.id.length <= pdu->octets + pdu->length);
  EXPECT(receipt.err.length == 0 || (receipt.err.octets >= pdu->octets && receipt.err.octets + receipt.err.length <= pdu->octets + pdu->length));
}

/* A message has a handle that can be read; a receipt that is passed on is a receipt with the message's id. */
static void check_relay(const struct smpp_pdu *pdu) {
  static const char handle[] = "own\0acme\0Shop\0005\0000\0004917\0001\0001\00017\0001000\0";
  static const struct smpp_relay_text id = {(const uint8_t *)"own", 3}, none = {(const uint8_t *)"", 0};
  uint8_t own[SMPP_HANDLE_ROOM];
  struct smpp_relay relay;
  struct smpp_pdu passed;
  struct smpp_usual_receipt receipt;
  size_t length = smpp_relay_handle(pdu, &id, &none, &none, 1e9, own);
  if (length > 0) EXPECT(smpp_relay_read(own, length, &relay) && relay.field[SMPP_RELAY_ID].length == 3);
  EXPECT(smpp_relay_read((const uint8_t *)handle, sizeof handle - 1, &relay));
  length = smpp_relay_receipt(pdu, &relay, out, sizeof out);
  if (length == 0 || length > sizeof out) return;
  smpp_pdu_decode(out, (uint32_t)length, SMPP_TOLERATE_OVERLONG, NULL, &passed);
  EXPECT(smpp_receipt_of_pdu(&passed, &receipt) && receipt.id.length == 3 && memcmp(receipt.id.octets, "own", 3) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint32_t length = 0;
  if (declared.count == 0) {
    EXPECT(smpp_declare(&declared, &probe_resp) && smpp_declare(&declared, &probe));
    EXPECT(!smpp_declare(&declared, &probe) && declared.commands[0] == &probe);
  }
  while (size > 0) {
    struct smpp_pdu pdu;
    int error = smpp_pdu_frame(data, size, MOST, &length);
    if (error != 0) {
      EXPECT(error == SMPP_ERR_TRUNCATED ? size < 4 || length > size : length < SMPP_HEADER_OCTETS || length > MOST);
      if (size < SMPP_HEADER_OCTETS || size > MOST) return 0;
      uint8_t whole[MOST]; /* a length that fits makes the rest worth reading */
      memcpy(whole, data, size);
      smpp_set_u32(whole, (uint32_t)size);
      smpp_pdu_decode(whole, (uint32_t)size, whole[15] & 15u, &declared, &pdu);
      pdu.refuse = 0; /* tolerance was the fuzzer's choice */
      check(&pdu);
      check_receipt(&pdu);
    check_relay(&pdu);
      check_part(&pdu);
      return 0;
    }
    smpp_pdu_decode(data, length, 0, &declared, &pdu);
    check(&pdu);
    check_receipt(&pdu);
    check_relay(&pdu);
    check_part(&pdu);
    data += length;
    size -= length;
  }
  return 0;
}
