#include "udh.h"

#define U8(name, offset) {name, offset, 1, 0, 0}
#define U16(name, offset) {name, offset, 2, 0, 0}
#define END {NULL, 0, 0, 0, 0}

typedef const struct smpp_udh_field fields[];

static fields no_fields = {END};
static fields concat_8bit = {U8("ref", 0), U8("total", 1), U8("seq", 2), END};
static fields concat_16bit = {U16("ref", 0), U8("total", 2), U8("seq", 3), END};
static fields special_message = {{"store", 0, 1, 7, 1},         {"profile", 0, 1, 5, 2}, {"extended_type", 0, 1, 2, 3},
                                 {"basic_type", 0, 1, 0, 2}, U8("count", 1),          END};
static fields port_8bit = {U8("dest_port", 0), U8("orig_port", 1), END};
static fields port_16bit = {U16("dest_port", 0), U16("orig_port", 2), END};
static fields smsc_control = {U8("flags", 0), END};
static fields source_indicator = {U8("source", 0), END};
static fields text_formatting = {U8("position", 0), U8("length", 1), U8("mode", 2), U8("colour", 3), END};
static fields predefined = {U8("position", 0), U8("number", 1), END};
static fields positioned = {U8("position", 0), END};
static fields variable_picture = {U8("position", 0), U8("width", 1), U8("height", 2), END};
static fields prompt_indicator = {U8("objects", 0), END};
static fields reused_object = {U8("reference", 0), U16("position", 1), END};
static fields distribution = {U8("count", 0), U8("attributes", 1), END};
static fields email_header = {U8("header_length", 0), END};
static fields hyperlink = {U16("position", 0), U8("title_length", 2), U8("url_length", 3), END};
static fields language = {U8("language", 0), END};

enum { ANY = 255, FITS = 137 /* what a message of 140 octets has room for */ };

static const struct smpp_udh_row rows[] = {
    {0x00, 0x00, "concat_8bit", 3, 3, false, concat_8bit},
    {0x01, 0x01, "special_message_indication", 2, 2, true, special_message},
    {0x02, 0x02, "reserved", 0, ANY, true, no_fields},
    {0x03, 0x03, "not_used", 0, ANY, true, no_fields},
    {0x04, 0x04, "port_8bit", 2, 2, false, port_8bit},
    {0x05, 0x05, "port_16bit", 4, 4, false, port_16bit},
    {0x06, 0x06, "smsc_control", 1, 1, false, smsc_control},
    {0x07, 0x07, "udh_source_indicator", 1, 1, true, source_indicator},
    {0x08, 0x08, "concat_16bit", 4, 4, false, concat_16bit},
    {0x09, 0x09, "wcmp", 1, FITS, false, no_fields},
    {0x0A, 0x0A, "text_formatting", 3, 4, true, text_formatting},
    {0x0B, 0x0B, "predefined_sound", 2, 2, true, predefined},
    {0x0C, 0x0C, "user_defined_sound", 2, 129, true, positioned},
    {0x0D, 0x0D, "predefined_animation", 2, 2, true, predefined},
    {0x0E, 0x0E, "large_animation", 129, 129, true, positioned},
    {0x0F, 0x0F, "small_animation", 33, 33, true, positioned},
    {0x10, 0x10, "large_picture", 129, 129, true, positioned},
    {0x11, 0x11, "small_picture", 33, 33, true, positioned},
    {0x12, 0x12, "variable_picture", 4, FITS, true, variable_picture},
    {0x13, 0x13, "user_prompt_indicator", 1, 1, true, prompt_indicator},
    {0x14, 0x14, "extended_object", 8, FITS, true, no_fields},
    {0x15, 0x15, "reused_extended_object", 3, 3, true, reused_object},
    {0x16, 0x16, "compression_control", 1, FITS, false, no_fields},
    {0x17, 0x17, "object_distribution_indicator", 2, 2, true, distribution},
    {0x18, 0x18, "standard_wvg_object", 1, FITS, true, no_fields},
    {0x19, 0x19, "character_size_wvg_object", 1, FITS, true, no_fields},
    {0x1A, 0x1A, "extended_object_data_request", 0, FITS, false, no_fields},
    {0x1B, 0x1F, "reserved_ems", 0, ANY, true, no_fields},
    {0x20, 0x20, "rfc5322_email_header", 1, 1, false, email_header},
    {0x21, 0x21, "hyperlink_format", 4, 4, true, hyperlink},
    {0x22, 0x22, "reply_address", 1, FITS, false, no_fields},
    {0x23, 0x23, "enhanced_voice_mail_information", 1, FITS, false, no_fields},
    {0x24, 0x24, "national_language_single_shift", 1, 1, false, language},
    {0x25, 0x25, "national_language_locking_shift", 1, 1, false, language},
    {0x26, 0x6F, "reserved", 0, ANY, true, no_fields},
    {0x70, 0x7F, "usim_toolkit_security_header", 0, FITS, true, no_fields},
    {0x80, 0x9F, "sme_to_sme", 0, FITS, true, no_fields},
    {0xA0, 0xBF, "reserved", 0, ANY, true, no_fields},
    {0xC0, 0xDF, "sc_specific", 0, FITS, true, no_fields},
    {0xE0, 0xFF, "reserved", 0, ANY, true, no_fields},
};

const struct smpp_udh_row *smpp_udh_row(uint8_t iei) {
  const struct smpp_udh_row *row = rows;
  while (row->last < iei) row++; /* the rows cover every octet */
  return row;
}

int smpp_udh_iei(const char *name) {
  int found = -1;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strcmp(rows[i].name, name) != 0) continue;
    if (found >= 0 || rows[i].first != rows[i].last) return -1;
    found = rows[i].first;
  }
  return found;
}

int smpp_udh_open(const uint8_t *octets, size_t length, struct smpp_reader *r, size_t *header_octets) {
  if (length == 0 || (size_t)octets[0] + 1 > length) return SMPP_ERR_TRUNCATED;
  r->pos = octets + 1;
  r->end = r->pos + octets[0];
  *header_octets = (size_t)octets[0] + 1;
  struct smpp_reader check = *r;
  struct smpp_udh_element element;
  while (smpp_udh_next(&check, &element)) continue;
  return check.pos == check.end ? 0 : SMPP_ERR_BAD_LENGTH;
}

bool smpp_udh_next(struct smpp_reader *r, struct smpp_udh_element *element) {
  if (smpp_left(r) < 2 || smpp_left(r) - 2 < r->pos[1]) return false;
  element->iei = r->pos[0];
  element->length = r->pos[1];
  element->data = r->pos + 2;
  r->pos += 2 + element->length;
  return true;
}

int smpp_udh_check(const struct smpp_udh_element *element) {
  const struct smpp_udh_row *row = smpp_udh_row(element->iei);
  if (element->length < row->min || element->length > row->max) return SMPP_ERR_BAD_LENGTH;
  if (element->iei == SMPP_IEI_CONCAT_8BIT || element->iei == SMPP_IEI_CONCAT_16BIT) {
    uint8_t total = element->data[element->length - 2], seq = element->data[element->length - 1];
    if (seq == 0 || seq > total) return SMPP_ERR_BAD_VALUE;
  }
  return 0;
}

uint32_t smpp_udh_get(const struct smpp_udh_field *field, const uint8_t *data) {
  uint32_t value = field->octets == 2 ? smpp_get_u16(data + field->offset) : data[field->offset];
  return field->bits == 0 ? value : value >> field->shift & ((1u << field->bits) - 1);
}

bool smpp_udh_put(const struct smpp_udh_field *field, uint8_t *data, uint32_t value) {
  unsigned bits = field->bits == 0 ? 8u * field->octets : field->bits;
  if (value >> bits != 0) return false;
  value <<= field->shift;
  data += field->offset;
  if (field->octets == 2) *data++ |= (uint8_t)(value >> 8);
  *data |= (uint8_t)value;
  return true;
}

static void note(struct smpp_udh *out, const struct smpp_udh_element *element) {
  const uint8_t *data = element->data;
  switch (element->iei) {
    case SMPP_IEI_CONCAT_8BIT: case SMPP_IEI_CONCAT_16BIT:
      out->concat_bits = element->iei == SMPP_IEI_CONCAT_8BIT ? 8 : 16;
      out->reference = out->concat_bits == 8 ? data[0] : smpp_get_u16(data);
      out->total = data[element->length - 2];
      out->seq = data[element->length - 1];
      break;
    case SMPP_IEI_PORT_8BIT:
      out->port_bits = 8;
      out->dest_port = data[0];
      out->orig_port = data[1];
      break;
    case SMPP_IEI_PORT_16BIT:
      out->port_bits = 16;
      out->dest_port = smpp_get_u16(data);
      out->orig_port = smpp_get_u16(data + 2);
      break;
    case SMPP_IEI_SINGLE_SHIFT:
      out->single = data[0];
      break;
    case SMPP_IEI_LOCKING_SHIFT:
      out->locking = data[0];
      break;
    default:
      break;
  }
}

int smpp_udh_read(const uint8_t *octets, size_t length, struct smpp_udh *out) {
  struct smpp_reader r;
  struct smpp_udh_element element;
  memset(out, 0, sizeof *out);
  int err = smpp_udh_open(octets, length, &r, &out->header_octets);
  if (err != 0) {
    out->header_octets = 0;
    return err;
  }
  while (smpp_udh_next(&r, &element)) {
    if (smpp_udh_check(&element) == 0) note(out, &element);
  }
  return 0;
}
