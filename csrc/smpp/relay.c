#include "relay.h"

#include <string.h>

#include "receipt_pdu.h"

enum { DELIVER_SM = 5, TAG_RECEIPTED_MESSAGE_ID = 0x001E, TLVS_MAX = 16, SHORT_MESSAGE_MAX = 254, NUMBER_MAX = 255 };

/* ---- handles ---- */

static bool param_of(const struct smpp_pdu *pdu, unsigned field, struct smpp_relay_text *out) {
  int position = smpp_param_position(pdu->command, field);
  if (position < 0 || position >= pdu->param_count) return false;
  out->octets = pdu->octets + pdu->params[position].offset;
  out->length = pdu->params[position].length;
  return true;
}

static bool put(struct smpp_writer *w, const struct smpp_relay_text *text) {
  if (text->length > 0 && memchr(text->octets, 0, text->length) != NULL) return false;
  smpp_write_octets(w, text->octets, text->length);
  smpp_write_u8(w, 0);
  return true;
}

static bool put_digits(struct smpp_writer *w, uint64_t number) {
  uint8_t digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  struct smpp_relay_text text = {digits + at, sizeof digits - at};
  return put(w, &text);
}

static bool put_text(struct smpp_writer *w, const struct smpp_pdu *pdu, unsigned field) {
  struct smpp_relay_text text;
  return param_of(pdu, field, &text) && put(w, &text);
}

static bool put_number(struct smpp_writer *w, const struct smpp_pdu *pdu, unsigned field) {
  struct smpp_relay_text octet;
  return param_of(pdu, field, &octet) && octet.length == 1 && put_digits(w, octet.octets[0]);
}

/* In whole seconds. */
static bool put_time(struct smpp_writer *w, double time_s) { return time_s >= 0 && time_s < 1e15 && put_digits(w, (uint64_t)(time_s + 0.5)); }

size_t smpp_relay_handle(const struct smpp_pdu *pdu, const struct smpp_relay_text *id, const struct smpp_relay_text *account,
                         const struct smpp_relay_text *books, double submitted, uint8_t out[SMPP_HANDLE_ROOM]) {
  struct smpp_writer w = {out, SMPP_HANDLE_ROOM, 0};
  if (pdu->command == NULL || !put(&w, id) || !put(&w, account) || !put_text(&w, pdu, SMPP_F_SOURCE_ADDR) ||
      !put_number(&w, pdu, SMPP_F_SOURCE_ADDR_TON) || !put_number(&w, pdu, SMPP_F_SOURCE_ADDR_NPI) ||
      !put_text(&w, pdu, SMPP_F_DESTINATION_ADDR) || !put_number(&w, pdu, SMPP_F_DEST_ADDR_TON) ||
      !put_number(&w, pdu, SMPP_F_DEST_ADDR_NPI) || !put_number(&w, pdu, SMPP_F_REGISTERED_DELIVERY) || !put_time(&w, submitted) || !put(&w, books))
    return 0;
  return smpp_write_fits(&w) ? w.length - 1 : 0; /* no NUL behind the last */
}

bool smpp_relay_read(const uint8_t *handle, size_t length, struct smpp_relay *out) {
  const uint8_t *at = handle, *end = handle + length;
  for (int i = 0; i < SMPP_RELAY_FIELD_COUNT; i++) {
    bool is_last = i == SMPP_RELAY_FIELD_COUNT - 1;
    const uint8_t *stop = is_last ? end : memchr(at, 0, (size_t)(end - at));
    if (stop == NULL) return false;
    out->field[i].octets = at;
    out->field[i].length = (size_t)(stop - at);
    at = stop + 1;
  }
  return true;
}

/* ---- receipts ---- */

static bool set_text(struct smpp_message *m, unsigned field, const uint8_t *octets, size_t length) {
  int position = smpp_param_position(m->command, field);
  if (position < 0) return false;
  m->params[position].is = SMPP_STRING;
  m->params[position].octets = octets;
  m->params[position].length = (uint32_t)length;
  return true;
}

static bool set_number(struct smpp_message *m, unsigned field, const struct smpp_relay_text *text) {
  uint32_t value = 0;
  int position = smpp_param_position(m->command, field);
  if (position < 0 || text->length == 0 || text->length > 3) return false;
  for (size_t i = 0; i < text->length; i++) {
    if (text->octets[i] < '0' || text->octets[i] > '9') return false;
    value = value * 10 + (uint32_t)(text->octets[i] - '0');
  }
  m->params[position].is = SMPP_NUMBER;
  m->params[position].number = value;
  return value <= NUMBER_MAX;
}

/* Every parameter as it stands on the wire. */
static void set_all(struct smpp_message *m, const struct smpp_pdu *pdu) {
  uint32_t at = SMPP_HEADER_OCTETS;
  memset(m, 0, sizeof *m);
  m->command = pdu->command;
  m->status = pdu->status;
  m->sequence = pdu->sequence;
  for (unsigned i = 0; i < pdu->command->param_count; i++) {
    unsigned kind = pdu->command->params[i].kind;
    uint32_t end = pdu->params[i].offset + pdu->params[i].length;
    if (kind == SMPP_CSTRING || kind == SMPP_TIME) end++;
    m->params[i].is = SMPP_WIRE;
    m->params[i].octets = pdu->octets + at;
    m->params[i].length = end - at;
    at = end;
  }
}

/* The text with another id; false: it does not begin with the one that it has. */
static bool write_text(const struct smpp_pdu *pdu, const struct smpp_relay_text *id, uint8_t out[SHORT_MESSAGE_MAX], size_t *length) {
  struct smpp_receipt scanned;
  struct smpp_relay_text text;
  if (!param_of(pdu, SMPP_F_SHORT_MESSAGE, &text)) return false;
  smpp_receipt_scan(text.octets, text.length, &scanned);
  const struct smpp_receipt_field *own = &scanned.field[SMPP_RECEIPT_ID];
  if (own->length == 0 || text.length < 3 || own->octets < text.octets + 3) return false;
  if ((text.octets[0] | 0x20) != 'i' || (text.octets[1] | 0x20) != 'd' || text.octets[2] != ':') return false;
  size_t before = (size_t)(own->octets - text.octets), rest = text.length - before - own->length;
  for (size_t i = 3; i < before; i++) {
    if (text.octets[i] != ' ') return false;
  }
  if (before + id->length + rest > SHORT_MESSAGE_MAX) return false;
  memcpy(out, text.octets, before);
  memcpy(out + before, id->octets, id->length);
  memcpy(out + before + id->length, own->octets + own->length, rest);
  *length = before + id->length + rest;
  return true;
}

size_t smpp_relay_receipt(const struct smpp_pdu *pdu, const struct smpp_relay *message, uint8_t *out, size_t capacity) {
  const struct smpp_relay_text *field = message->field;
  struct smpp_usual_receipt receipt;
  struct smpp_tlv tlv;
  struct smpp_tlv_out tlvs[TLVS_MAX];
  struct smpp_message m;
  struct smpp_fault fault;
  struct smpp_writer w = {out, capacity, 0};
  uint8_t text[SHORT_MESSAGE_MAX], id[SMPP_MESSAGE_ID_MAX];
  size_t length, count = 0;
  bool has_id = false;
  if (pdu->id != DELIVER_SM || pdu->command == NULL || pdu->param_count != pdu->command->param_count || pdu->tlv_end != pdu->length ||
      !smpp_receipt_of_pdu(pdu, &receipt) || field[SMPP_RELAY_ID].length >= sizeof id)
    return 0;
  const struct smpp_span *last = &pdu->params[pdu->param_count - 1];
  if (last->offset + last->length != pdu->tlv_offset) return 0; /* a stray NUL */
  memcpy(id, field[SMPP_RELAY_ID].octets, field[SMPP_RELAY_ID].length);
  id[field[SMPP_RELAY_ID].length] = 0;
  for (uint32_t offset = pdu->tlv_offset; smpp_pdu_next_tlv(pdu, &offset, &tlv); count++) {
    if (count == TLVS_MAX) return 0;
    tlvs[count] = (struct smpp_tlv_out){tlv.tag, tlv.length, tlv.octets};
    if (tlv.tag != TAG_RECEIPTED_MESSAGE_ID) continue;
    if (has_id) return 0;
    has_id = true;
    tlvs[count].octets = id;
    tlvs[count].length = (uint32_t)field[SMPP_RELAY_ID].length + 1;
  }
  set_all(&m, pdu);
  m.tlvs = tlvs;
  m.tlv_count = count;
  if (!write_text(pdu, &field[SMPP_RELAY_ID], text, &length) || !set_text(&m, SMPP_F_SHORT_MESSAGE, text, length) ||
      !set_text(&m, SMPP_F_SOURCE_ADDR, field[SMPP_RELAY_DESTINATION].octets, field[SMPP_RELAY_DESTINATION].length) ||
      !set_number(&m, SMPP_F_SOURCE_ADDR_TON, &field[SMPP_RELAY_DEST_TON]) || !set_number(&m, SMPP_F_SOURCE_ADDR_NPI, &field[SMPP_RELAY_DEST_NPI]) ||
      !set_text(&m, SMPP_F_DESTINATION_ADDR, field[SMPP_RELAY_SOURCE].octets, field[SMPP_RELAY_SOURCE].length) ||
      !set_number(&m, SMPP_F_DEST_ADDR_TON, &field[SMPP_RELAY_SOURCE_TON]) || !set_number(&m, SMPP_F_DEST_ADDR_NPI, &field[SMPP_RELAY_SOURCE_NPI]))
    return 0;
  return smpp_pdu_encode(&m, &w, &fault) == 0 && smpp_write_fits(&w) ? w.length : 0;
}
