#include "pdu.h"

static int refuse(struct smpp_fault *fault, int error, const char *field, uint32_t got, uint32_t limit,
                  const char *text) {
  *fault = (struct smpp_fault){field, 0, got, limit, text};
  return error;
}

static int write_string(struct smpp_writer *w, const char *field, const void *octets, uint32_t length,
                        unsigned limit, struct smpp_fault *fault) {
  if (length >= limit) return refuse(fault, SMPP_ERR_TOO_LONG, field, length, limit - 1, "octets");
  if (length > 0 && memchr(octets, 0, length) != NULL)
    return refuse(fault, SMPP_ERR_BAD_VALUE, field, 0, 0, "invalid C-octet string: contains a NUL");
  smpp_write_octets(w, octets, length);
  smpp_write_u8(w, 0);
  return 0;
}

static int write_list(struct smpp_writer *w, const struct smpp_param *param, const struct smpp_value *value,
                      unsigned limit, struct smpp_fault *fault) {
  const char *field = param->name;
  uint32_t count = value->is == SMPP_LIST ? value->length : 0;
  if (count > limit) return refuse(fault, SMPP_ERR_TOO_LONG, field, count, limit, "entries");
  smpp_write_u8(w, count);
  for (uint32_t i = 0; i < count; i++) {
    const struct smpp_list_item *item = &value->items[i];
    if (param->kind == SMPP_DESTS) {
      if (item->dest_flag != 1 && item->dest_flag != 2)
        return refuse(fault, SMPP_ERR_BAD_VALUE, field, item->dest_flag, 2, "invalid dest_flag: expected 1 or 2");
      smpp_write_u8(w, item->dest_flag);
    }
    if (param->kind == SMPP_UNSUCCESS || item->dest_flag == 1) {
      smpp_write_u8(w, item->ton);
      smpp_write_u8(w, item->npi);
    }
    int error = write_string(w, field, item->text, item->text_length, smpp_entry_limit(param), fault);
    if (error != 0) return error;
    if (param->kind == SMPP_UNSUCCESS) smpp_write_u32(w, item->status);
  }
  return 0;
}

static int write_number(struct smpp_writer *w, const struct smpp_param *param, uint32_t number,
                        struct smpp_fault *fault) {
  if (param->kind == SMPP_U8) {
    if (number > 0xFF)
      return refuse(fault, SMPP_ERR_BAD_VALUE, param->name, number, 0xFF, "at most");
    smpp_write_u8(w, number);
  } else if (param->kind == SMPP_U16) {
    if (number > 0xFFFF)
      return refuse(fault, SMPP_ERR_BAD_VALUE, param->name, number, 0xFFFF, "at most");
    smpp_write_u16(w, number);
  } else {
    smpp_write_u32(w, number);
  }
  return 0;
}

#define LONG_PASSWORD_MAX 65u

static int write_param(struct smpp_writer *w, const struct smpp_param *param, const struct smpp_value *value,
                       const struct smpp_message *m, struct smpp_fault *fault) {
  const char *field = param->name;
  unsigned limit = smpp_param_limit(param, m->version);
  if (param->field == SMPP_F_PASSWORD && (m->tolerate & SMPP_TOLERATE_LONG_PASSWORD) != 0) limit = LONG_PASSWORD_MAX;
  if (value->is == SMPP_WIRE) {
    smpp_write_octets(w, value->octets, value->length);
    return 0;
  }
  switch (param->kind) {
    case SMPP_CSTRING:
    case SMPP_TIME: {
      uint32_t length = value->is == SMPP_STRING ? value->length : 0;
      if (param->kind == SMPP_TIME && length != 0 && length < 16 &&
          !(param->field == SMPP_F_FINAL_DATE && length == 12))
        return refuse(fault, SMPP_ERR_BAD_VALUE, field, length, 16, "invalid time: expected 16 characters or none");
      return write_string(w, field, value->octets, length, limit, fault);
    }
    case SMPP_TEXT: {
      uint32_t length = value->is == SMPP_STRING ? value->length : 0;
      if (length > limit) return refuse(fault, SMPP_ERR_TOO_LONG, field, length, limit, "octets");
      smpp_write_u8(w, length);
      smpp_write_octets(w, value->octets, length);
      return 0;
    }
    case SMPP_DESTS:
    case SMPP_UNSUCCESS:
    case SMPP_IDS:
      return write_list(w, param, value, limit, fault);
    default:
      return write_number(w, param, value->is == SMPP_NUMBER ? value->number : 0, fault);
  }
}

/* No string, text, time or list is one octet: its NUL, length or count. */
static void write_absent(struct smpp_writer *w, unsigned kind) {
  if (kind == SMPP_U32) smpp_write_u32(w, 0);
  else if (kind == SMPP_U16) smpp_write_u16(w, 0);
  else smpp_write_u8(w, 0);
}

static int write_tlvs(struct smpp_writer *w, const struct smpp_message *m, struct smpp_fault *fault) {
  for (size_t i = 0; i < m->tlv_count; i++) {
    const struct smpp_tlv_out *tlv = &m->tlvs[i];
    const struct smpp_tlv_row *row = smpp_tlv_by_tag(tlv->tag);
    const char *name = row != NULL ? row->name : NULL;
    int error = 0;
    if (m->version != 0 && smpp_version_set(m->version) == SMPP_V33)
      error = refuse(fault, SMPP_ERR_BAD_VALUE, name, 0, 0, "TLVs are not supported in SMPP 3.3");
    else if (m->version != 0 && row != NULL && (row->versions & smpp_version_set(m->version)) == 0)
      error = refuse(fault, SMPP_ERR_BAD_VALUE, name, 0, 0, "TLV not supported before SMPP 5.0");
    else if (tlv->length > 0xFFFF)
      error = refuse(fault, SMPP_ERR_TOO_LONG, name, tlv->length, 0xFFFF, "octets");
    if (error != 0) {
      fault->tag = tlv->tag;
      return error;
    }
    smpp_write_u16(w, tlv->tag);
    smpp_write_u16(w, tlv->length);
    smpp_write_octets(w, tlv->octets, tlv->length);
  }
  return 0;
}

static int write_body(struct smpp_writer *w, const struct smpp_message *m, struct smpp_fault *fault) {
  const struct smpp_command *command = m->command;
  const struct smpp_param *param = command->params;
  bool has_body = m->has_body || m->status == 0 || m->tlv_count > 0 || m->padding_length > 0 || m->trailing_length > 0;
  for (unsigned i = 0; i < command->param_count && !has_body; i++) has_body = m->params[i].is != SMPP_ABSENT;
  if (!has_body) return 0;
  for (unsigned i = 0; i < command->param_count; i++) {
    int error = 0;
    if (m->params[i].is == SMPP_ABSENT) write_absent(w, param[i].kind);
    else error = write_param(w, &param[i], &m->params[i], m, fault);
    if (error != 0) return error;
  }
  smpp_write_octets(w, m->padding, m->padding_length);
  int error = write_tlvs(w, m, fault);
  if (error == 0) smpp_write_octets(w, m->trailing, m->trailing_length);
  return error;
}

int smpp_pdu_encode(const struct smpp_message *message, struct smpp_writer *w, struct smpp_fault *fault) {
  const struct smpp_command *command = message->command;
  size_t start = w->length;
  int error = 0;
  if (message->version != 0 && (command->versions & smpp_version_set(message->version)) == 0)
    return refuse(fault, SMPP_ERR_BAD_VALUE, "command", command->id, 0, "command not supported in this version of SMPP");
  smpp_write_u32(w, 0);
  smpp_write_u32(w, command != &smpp_unknown_command ? command->id : message->id);
  smpp_write_u32(w, message->status);
  smpp_write_u32(w, message->sequence);
  error = write_body(w, message, fault);
  if (error != 0) {
    w->length = start;
    return error;
  }
  if (start + 4 <= w->capacity) smpp_set_u32(w->out + start, (uint32_t)(w->length - start));
  return 0;
}
