#include "pdu.h"

int smpp_pdu_frame(const uint8_t *octets, size_t available, size_t max, uint32_t *length) {
  *length = 0;
  if (available < 4) return SMPP_ERR_TRUNCATED;
  uint32_t n = smpp_get_u32(octets);
  if (n < SMPP_HEADER_OCTETS || n > max) {
    *length = n;
    return SMPP_ERR_BAD_LENGTH;
  }
  *length = n;
  return available < n ? SMPP_ERR_TRUNCATED : 0;
}

/* Collects the problems of a PDU.  |out| NULL: only faults matter. */
struct report {
  struct smpp_problem *out;
  size_t max, count;
  unsigned tolerate;
  uint32_t refuse;
  bool thorough; /* also report problems that never refuse a PDU */
};

static void note(struct report *r, enum smpp_severity severity, const char *code, const char *field,
                 uint32_t offset, uint32_t status, const char *text) {
  if (severity == SMPP_FAULT && r->refuse == 0) r->refuse = status;
  if (r->out != NULL && r->count < r->max)
    r->out[r->count] = (struct smpp_problem){code, field, 0, offset, status, severity, text};
  r->count++;
}

static void note_tlv(struct report *r, enum smpp_severity severity, const char *code, uint32_t tag,
                     uint32_t offset, uint32_t status, const char *text) {
  const struct smpp_tlv_row *row = smpp_tlv_by_tag(tag);
  note(r, severity, code, row != NULL ? row->name : NULL, offset, status, text);
  if (r->out != NULL && r->count <= r->max) r->out[r->count - 1].tag = tag;
}

static enum smpp_severity fault_unless(const struct report *r, unsigned tolerated) {
  return r->tolerate & tolerated ? SMPP_WARNING : SMPP_FAULT;
}

/* A walk's place: |pos| never passes |end|. */
struct cursor {
  const uint8_t *start, *pos, *end;
};

static uint32_t offset_of(const struct cursor *c) { return (uint32_t)(c->pos - c->start); }
static size_t left(const struct cursor *c) { return (size_t)(c->end - c->pos); }

/* The span from |from| up to |to|, both within SMPP_PARAMS_OCTETS_MAX. */
static struct smpp_span span_between(const struct cursor *c, const uint8_t *from, const uint8_t *to) {
  return (struct smpp_span){(uint16_t)(from - c->start), (uint16_t)(to - from)};
}

/* Octets up to a NUL, which is skipped; without one, the rest. */
static uint32_t take_string(struct cursor *c, bool *terminated) {
  const uint8_t *nul = memchr(c->pos, 0, left(c));
  uint32_t length = nul != NULL ? (uint32_t)(nul - c->pos) : (uint32_t)left(c);
  *terminated = nul != NULL;
  c->pos += length + (nul != NULL);
  return length;
}

static bool next_item(struct cursor *c, unsigned kind, struct smpp_list_item *item) {
  memset(item, 0, sizeof *item);
  if (kind == SMPP_DESTS) {
    if (left(c) < 1) return false;
    item->dest_flag = *c->pos;
    if (item->dest_flag != 1 && item->dest_flag != 2) return false;
    c->pos++;
  }
  if (kind == SMPP_UNSUCCESS || item->dest_flag == 1) {
    if (left(c) < 2) return false;
    item->ton = c->pos[0];
    item->npi = c->pos[1];
    c->pos += 2;
  }
  bool terminated = false;
  item->text = (const char *)c->pos;
  item->text_length = take_string(c, &terminated);
  if (!terminated) return false;
  if (kind == SMPP_UNSUCCESS) {
    if (left(c) < 4) return false;
    item->status = smpp_get_u32(c->pos);
    c->pos += 4;
  }
  return true;
}

/* The whole entries that the octets hold; false when there are fewer than announced. */
static bool walk_list(struct cursor *c, const struct smpp_param *param, struct smpp_span *span,
                      struct report *r) {
  const char *name = param->name;
  unsigned count = *c->pos++;
  const uint8_t *first = c->pos;
  for (unsigned i = 0; i < count; i++) {
    const uint8_t *item_start = c->pos;
    struct smpp_list_item item;
    if (!next_item(c, param->kind, &item)) {
      c->pos = item_start;
      bool bad_flag = param->kind == SMPP_DESTS && left(c) > 0 && *c->pos != 1 && *c->pos != 2;
      note(r, SMPP_FAULT, bad_flag ? "bad_value" : "truncated", name, offset_of(c),
           bad_flag ? SMPP_RINVDESTFLAG : SMPP_RINVCMDLEN,
           bad_flag ? "invalid dest_flag: expected 1 or 2" : "truncated list: fewer entries than its count");
      *span = span_between(c, first, c->pos);
      return false;
    }
    if (item.text_length >= smpp_entry_limit(param)) {
      uint32_t status = param->kind == SMPP_DESTS && item.dest_flag == 2 ? SMPP_RINVDLNAME : param->status;
      note(r, fault_unless(r, SMPP_TOLERATE_OVERLONG), "too_long", name,
           (uint32_t)((const uint8_t *)item.text - c->start), status, "list entry too long");
    }
  }
  *span = span_between(c, first, c->pos);
  return true;
}

static bool walk_string(struct cursor *c, const struct smpp_param *param, struct smpp_span *span,
                        struct report *r) {
  bool terminated = false;
  const uint8_t *first = c->pos;
  uint32_t length = take_string(c, &terminated);
  *span = span_between(c, first, first + length);
  if (terminated && span->length < smpp_param_limit(param, 0)) {
    if (!r->thorough || param->kind != SMPP_TIME || span->length == 0 || span->length == 16) return true;
    if (param->field == SMPP_F_FINAL_DATE && span->length == 12) return true;
    note(r, SMPP_WARNING, "bad_value", param->name, span->offset,
         param->status, "invalid time: expected 16 characters or none");
    return true;
  }
  uint32_t status = param->status;
  if (!terminated) {
    note(r, fault_unless(r, SMPP_TOLERATE_UNTERMINATED), "unterminated", param->name,
         span->offset, status, "unterminated string: no NUL before the end of the PDU");
    return false;
  }
  unsigned tolerated = SMPP_TOLERATE_OVERLONG;
  if (param->field == SMPP_F_PASSWORD) tolerated |= SMPP_TOLERATE_LONG_PASSWORD;
  note(r, fault_unless(r, tolerated), "too_long", param->name, span->offset, status,
       "string too long");
  return true;
}

/* Passes parameters of one octet, and empty strings, from the |i|-th on: most are such.  Returns the place of the next one. */
static unsigned pass_octets(struct cursor *c, struct smpp_pdu *pdu, unsigned i) {
  const struct smpp_param *params = pdu->command->params;
  const uint8_t *pos = c->pos, *start = c->start, *end = c->end;
  unsigned count = pdu->command->param_count;
  for (; i < count && pos < end; i++, pos++) {
    unsigned kind = params[i].kind;
    if (kind == SMPP_U8)
      pdu->params[i].length = 1;
    else if (*pos == 0 && (kind == SMPP_CSTRING || kind == SMPP_TIME))
      pdu->params[i].length = 0;
    else
      break;
    pdu->params[i].offset = (uint16_t)(pos - start);
  }
  c->pos = pos;
  pdu->param_count = (uint8_t)i;
  return i;
}

/* Walks the parameters; false when the octets end, or go wrong, before the last one. */
static bool walk_params(struct cursor *c, struct smpp_pdu *pdu, struct report *r) {
  unsigned i = 0;
  while ((i = pass_octets(c, pdu, i)) < pdu->command->param_count) {
    const struct smpp_param *param = &pdu->command->params[i];
    struct smpp_span *span = &pdu->params[i++];
    size_t need = param->kind == SMPP_U32 ? 4 : param->kind == SMPP_U16 ? 2 : 1;
    if (left(c) < need) {
      note(r, SMPP_FAULT, "truncated", param->name, offset_of(c), SMPP_RINVCMDLEN,
           "truncated PDU: ends before this parameter");
      return false;
    }
    pdu->param_count = (uint8_t)i;
    switch (param->kind) {
      case SMPP_CSTRING:
      case SMPP_TIME:
        if (!walk_string(c, param, span, r)) return false;
        break;
      case SMPP_TEXT: {
        uint32_t length = *c->pos++;
        *span = span_between(c, c->pos, c->pos + (length <= left(c) ? length : left(c)));
        c->pos += span->length;
        if (span->length < length) {
          note(r, SMPP_FAULT, "truncated", param->name, span->offset, SMPP_RINVCMDLEN,
               "truncated PDU: ends before sm_length octets");
          return false;
        }
        break;
      }
      case SMPP_DESTS:
      case SMPP_UNSUCCESS:
      case SMPP_IDS:
        if (!walk_list(c, param, span, r)) return false;
        break;
      default:
        *span = span_between(c, c->pos, c->pos + need);
        c->pos += need;
    }
  }
  return true;
}

/* Passes whole TLVs. */
static void walk_tlvs(struct cursor *c) {
  while (left(c) >= 4) {
    size_t length = smpp_get_u16(c->pos + 2);
    if (length > left(c) - 4) return;
    c->pos += 4 + length;
  }
}

/* True if complete TLVs, the first of which is in the tables, fill the rest from |p| on. */
static bool are_tlvs(const uint8_t *p, const uint8_t *end) {
  struct cursor c = {p, p, end};
  if (left(&c) < 4 || smpp_tlv_by_tag(smpp_get_u16(p)) == NULL) return false;
  walk_tlvs(&c);
  return c.pos == end;
}

/* Skips the NUL that some peers write after short_message and do not count in sm_length. */
static void skip_stray_nul(struct cursor *c, const struct smpp_command *command, struct report *r) {
  struct cursor as_it_stands = *c;
  if (left(c) < 5 || *c->pos != 0 || smpp_param_position(command, SMPP_F_SHORT_MESSAGE) < 0) return;
  walk_tlvs(&as_it_stands);
  if (left(&as_it_stands) == 0 || !are_tlvs(c->pos + 1, c->end)) return;
  note(r, SMPP_WARNING, "trailing", "short_message", offset_of(c), SMPP_RINVMSGLEN,
       "trailing NUL after short_message, not counted in sm_length");
  c->pos++;
}

/* True if malformed octets are followed by TLVs that would be lost. */
static bool hides_tlvs(const struct cursor *c) {
  enum { FARTHEST = 8 };
  if (left(c) >= 4 && smpp_tlv_by_tag(smpp_get_u16(c->pos)) != NULL) return true;
  for (size_t skip = 1; skip <= FARTHEST && skip < left(c); skip++)
    if (are_tlvs(c->pos + skip, c->end)) return true;
  return false;
}

static bool only_nuls(const uint8_t *p, const uint8_t *end) {
  while (p < end && *p == 0) p++;
  return p == end;
}

static void check_rest(const struct cursor *c, struct report *r) {
  if (left(c) == 0) return;
  if (only_nuls(c->pos, c->end))
    note(r, SMPP_NOTE, "trailing", NULL, offset_of(c), SMPP_RINVTLVSTREAM, "NUL octets after the last parameter");
  else if (left(c) < 4)
    note(r, fault_unless(r, SMPP_TOLERATE_STRAY), "trailing", NULL, offset_of(c), SMPP_RINVTLVSTREAM,
         "trailing octets after the last parameter: malformed TLV");
  else
    note_tlv(r, hides_tlvs(c) ? SMPP_FAULT : fault_unless(r, SMPP_TOLERATE_STRAY), "truncated", smpp_get_u16(c->pos), offset_of(c),
             SMPP_RINVTLVSTREAM, "truncated TLV: longer than the rest of the PDU");
}

/* TLVs that the command must have. */
static void check_required(const struct smpp_pdu *pdu, struct report *r) {
  const struct smpp_required_tlv *required;
  for (size_t i = 0; (required = smpp_required_tlv_at(i)) != NULL; i++) {
    struct smpp_tlv tlv;
    if (required->command_id == pdu->id && pdu->status == 0 && !smpp_pdu_find_tlv(pdu, required->tag, &tlv))
      note_tlv(r, SMPP_FAULT, "missing", required->tag, pdu->length, SMPP_RMISSINGTLV,
               "missing mandatory TLV");
  }
}

static void check_tlvs(const struct smpp_pdu *pdu, struct report *r) {
  uint8_t seen[65536 / 8] = {0};
  struct smpp_tlv tlv;
  for (uint32_t offset = pdu->tlv_offset, at = offset; smpp_pdu_next_tlv(pdu, &offset, &tlv); at = offset) {
    const struct smpp_tlv_row *row = smpp_tlv_by_tag(tlv.tag);
    uint8_t bit = (uint8_t)(1u << (tlv.tag & 7));
    if (row == NULL) {
      note_tlv(r, SMPP_NOTE, "unknown_tlv", tlv.tag, at, 0, "unknown TLV");
    } else {
      unsigned min = row->kind == SMPP_CSTRING ? row->min - 1u : row->min;
      /* Both standards' tables leave one octet of doubt here: spec, tlvs.tsv. */
      unsigned max = row->tag == SMPP_TLV_SOURCE_TELEMATICS_ID ? 2u : row->tag == SMPP_TLV_SOURCE_NETWORK_ID || row->tag == SMPP_TLV_DEST_NETWORK_ID ? 66u : row->max;
      if (tlv.length < min || tlv.length > max)
        note_tlv(r, SMPP_WARNING, "bad_length", tlv.tag, at, SMPP_RINVTLVLEN, "invalid TLV length");
      if ((seen[tlv.tag >> 3] & bit) != 0 && !row->repeats)
        note_tlv(r, SMPP_NOTE, "duplicate", tlv.tag, at, 0, "duplicate TLV, the first one is used");
    }
    seen[tlv.tag >> 3] |= bit;
  }
}

/* Responses of some peers leave the parameters out and go on with TLVs. */
static bool is_tlvs_only(const struct smpp_pdu *pdu) {
  return are_tlvs(pdu->octets + SMPP_HEADER_OCTETS, pdu->octets + pdu->length);
}

/* A text of data_coding 1 with control characters that only GSM 03.38 has letters for: node-smpp sends such. */
static void check_ascii(const struct smpp_pdu *pdu, struct report *r) {
  int coding = smpp_param_position(pdu->command, SMPP_F_DATA_CODING), text = smpp_param_position(pdu->command, SMPP_F_SHORT_MESSAGE);
  if (coding < 0 || coding >= pdu->param_count || smpp_pdu_number(pdu, (unsigned)coding) != 1) return;
  struct smpp_tlv tlv = {0, 0, NULL};
  if (!smpp_pdu_find_tlv(pdu, SMPP_TLV_MESSAGE_PAYLOAD, &tlv) && text >= 0 && text < pdu->param_count) {
    tlv.octets = pdu->octets + pdu->params[text].offset;
    tlv.length = pdu->params[text].length;
  }
  bool has_control = false;
  for (unsigned i = 0; i < tlv.length; i++) {
    uint8_t c = tlv.octets[i];
    if (c > 0x7F) return;
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') has_control = true;
  }
  if (has_control)
    note(r, SMPP_WARNING, "bad_value", "data_coding", pdu->params[coding].offset, 0,
         "data_coding 1 is ASCII, the text looks like GSM 03.38");
}

static void walk(struct smpp_pdu *pdu, struct report *r) {
  const struct smpp_command *command = pdu->command;
  struct cursor c = {pdu->octets, pdu->octets + SMPP_HEADER_OCTETS, pdu->octets + pdu->length};
  bool is_response = (pdu->id & SMPP_RESPONSE_BIT) != 0;
  pdu->param_count = 0;
  if (r->thorough && !is_response && pdu->status != 0)
    note(r, SMPP_NOTE, "bad_value", "command_status", 8, 0, "invalid command_status of a request: expected 0");
  if (command == NULL) {
    note(r, SMPP_FAULT, "bad_value", "command_id", 4, SMPP_RINVCMDID, "unknown command_id");
    pdu->tlv_offset = SMPP_HEADER_OCTETS;
    pdu->tlv_end = SMPP_HEADER_OCTETS;
    return;
  }
  bool whole = true;
  if (is_response && left(&c) == 0) {
    if (pdu->status == 0 && command->param_count > 0 && r->thorough)
      note(r, SMPP_WARNING, "missing", command->params->name, SMPP_HEADER_OCTETS,
           SMPP_RINVCMDLEN, "missing body: required in a response with status 0");
  } else {
    size_t notes = r->count;
    const uint8_t *end = c.end;
    if (pdu->length > SMPP_PARAMS_OCTETS_MAX) c.end = c.start + SMPP_PARAMS_OCTETS_MAX;
    whole = walk_params(&c, pdu, r);
    c.end = end;
    if (whole) {
      skip_stray_nul(&c, command, r);
      pdu->tlv_offset = offset_of(&c);
      walk_tlvs(&c);
      if (is_response && left(&c) > 0 && is_tlvs_only(pdu)) whole = false;
    }
    if (!whole && is_response && is_tlvs_only(pdu)) {
      r->count = notes;
      r->refuse = 0;
      note(r, SMPP_WARNING, "missing", command->params->name, SMPP_HEADER_OCTETS,
           SMPP_RINVCMDLEN, "missing parameters: TLVs follow the header");
      pdu->param_count = 0;
      c.pos = pdu->octets + SMPP_HEADER_OCTETS;
      pdu->tlv_offset = SMPP_HEADER_OCTETS;
      walk_tlvs(&c);
    } else if (!whole) {
      pdu->tlv_offset = offset_of(&c);
      pdu->tlv_end = offset_of(&c);
      return;
    }
  }
  pdu->tlv_end = offset_of(&c);
  if (r->thorough) check_tlvs(pdu, r);
  if (left(&c) > 0) check_rest(&c, r);
  if (pdu->id == SMPP_BROADCAST_SM || r->thorough) check_required(pdu, r);
  if (r->thorough) {
    int text = smpp_param_position(command, SMPP_F_SHORT_MESSAGE);
    struct smpp_tlv payload;
    check_ascii(pdu, r);
    if (text >= 0 && text < pdu->param_count && pdu->params[text].length > 0 &&
        smpp_pdu_find_tlv(pdu, SMPP_TLV_MESSAGE_PAYLOAD, &payload))
      note(r, SMPP_WARNING, "bad_value", "short_message", pdu->params[text].offset, SMPP_RINVMSGLEN,
           "both short_message and message_payload: message_payload is used");
  }
}

void smpp_pdu_decode(const uint8_t *octets, uint32_t length, unsigned tolerate,
                     const struct smpp_declared *declared, struct smpp_pdu *pdu) {
  struct report r = {NULL, 0, 0, tolerate, 0, false};
  pdu->octets = octets;
  pdu->length = length;
  pdu->id = smpp_get_u32(octets + 4);
  pdu->status = smpp_get_u32(octets + 8);
  pdu->sequence = smpp_get_u32(octets + 12);
  pdu->command = smpp_command_by_id(declared, pdu->id);
  pdu->tlv_offset = SMPP_HEADER_OCTETS;
  walk(pdu, &r);
  pdu->refuse = r.refuse;
}

size_t smpp_pdu_problems(const struct smpp_pdu *pdu, struct smpp_problem *out, size_t max) {
  struct report r = {out, max, 0, SMPP_TOLERATE_LONG_PASSWORD, 0, true};
  struct smpp_pdu again = {.octets = pdu->octets, .length = pdu->length, .id = pdu->id, .status = pdu->status};
  again.command = pdu->command;
  again.tlv_offset = SMPP_HEADER_OCTETS;
  walk(&again, &r);
  return r.count;
}

uint32_t smpp_pdu_number(const struct smpp_pdu *pdu, unsigned position) {
  const uint8_t *p = pdu->octets + pdu->params[position].offset;
  uint32_t n = 0;
  for (uint32_t i = 0; i < pdu->params[position].length; i++) n = n << 8 | p[i];
  return n;
}

bool smpp_pdu_next_tlv(const struct smpp_pdu *pdu, uint32_t *offset, struct smpp_tlv *tlv) {
  if (*offset >= pdu->tlv_end) return false;
  const uint8_t *p = pdu->octets + *offset;
  tlv->tag = smpp_get_u16(p);
  tlv->length = smpp_get_u16(p + 2);
  tlv->octets = p + 4;
  *offset += 4u + tlv->length;
  return true;
}

bool smpp_pdu_find_tlv(const struct smpp_pdu *pdu, uint32_t tag, struct smpp_tlv *tlv) {
  uint32_t offset = pdu->tlv_offset;
  while (smpp_pdu_next_tlv(pdu, &offset, tlv))
    if (tlv->tag == tag) return true;
  return false;
}

bool smpp_pdu_next_item(const struct smpp_pdu *pdu, unsigned position, uint32_t *offset,
                        struct smpp_list_item *item) {
  const struct smpp_span *span = &pdu->params[position];
  if (*offset >= span->length) return false;
  const uint8_t *start = pdu->octets + span->offset;
  struct cursor c = {start, start + *offset, start + span->length};
  if (!next_item(&c, pdu->command->params[position].kind, item)) return false;
  *offset = offset_of(&c);
  return true;
}
