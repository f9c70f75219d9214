#include "record.h"

#include <string.h>

static uint64_t take_varint(struct smpp_record_in *in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 56; shift += 7) { /* 53 bits are the most that is written */
    uint8_t octet = smpp_record_take_octet(in);
    value |= (uint64_t)(octet & 0x7F) << shift;
    if (octet < 0x80) return value;
  }
  in->is_bad = true;
  return 0;
}

const char *smpp_record_take_string(struct smpp_record_in *in, uint8_t tag, size_t *length) {
  uint64_t count = tag >= SMPP_RECORD_SHORT ? (uint64_t)(tag - SMPP_RECORD_SHORT) : take_varint(in);
  if (in->is_bad || count > (uint64_t)(in->end - in->at)) {
    in->is_bad = true;
    return NULL;
  }
  *length = (size_t)count;
  const char *octets = (const char *)in->at;
  in->at += *length;
  return octets;
}

bool smpp_record_take_number(struct smpp_record_in *in, uint8_t tag, double *out) {
  if (tag <= SMPP_RECORD_SMALL_MAX) {
    *out = tag;
  } else if (tag == SMPP_RECORD_POSITIVE) {
    *out = (double)take_varint(in);
  } else if (tag == SMPP_RECORD_NEGATIVE) {
    *out = -1 - (double)take_varint(in);
  } else if (tag == SMPP_RECORD_DOUBLE) {
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits = bits << 8 | smpp_record_take_octet(in);
    memcpy(out, &bits, sizeof *out);
  } else {
    return false;
  }
  return true;
}

void smpp_record_skip_value(struct smpp_record_in *in, uint8_t tag) {
  size_t depth = 0, length;
  for (;;) {
    if (smpp_record_is_string(tag)) {
      (void)smpp_record_take_string(in, tag, &length);
    } else if (tag == SMPP_RECORD_POSITIVE || tag == SMPP_RECORD_NEGATIVE) {
      (void)take_varint(in);
    } else if (tag == SMPP_RECORD_DOUBLE) {
      if (in->end - in->at < 8) in->is_bad = true;
      else in->at += 8;
    } else if (tag == SMPP_RECORD_TABLE) {
      depth++;
    } else if (tag == SMPP_RECORD_END) {
      if (depth == 0) in->is_bad = true;
      else depth--;
    } else if (tag > SMPP_RECORD_END) {
      in->is_bad = true;
    }
    if (depth == 0 || in->is_bad) return;
    tag = smpp_record_take_octet(in);
  }
}

uint8_t smpp_record_find(struct smpp_record_in *in, uint8_t place) {
  while (in->at != in->end && !in->is_bad) {
    uint8_t found = smpp_record_take_octet(in);
    if (found == 0) smpp_record_skip_value(in, smpp_record_take_octet(in)); /* its name */
    uint8_t tag = smpp_record_take_octet(in);
    if (found == place && place != 0 && !in->is_bad) return tag;
    smpp_record_skip_value(in, tag);
  }
  return SMPP_RECORD_END;
}

const char *smpp_record_string(const uint8_t *octets, size_t size, uint8_t place, size_t *length) {
  struct smpp_record_in in = smpp_record_in(octets, size);
  uint8_t tag = smpp_record_find(&in, place);
  *length = 0;
  return smpp_record_is_string(tag) ? smpp_record_take_string(&in, tag, length) : NULL;
}
