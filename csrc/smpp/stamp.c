#include "stamp.h"

#include <string.h>

#include "alloc.h"
#include "pdu.h"

double smpp_stamp_random(struct smpp_stamp *s) {
  s->state = (uint32_t)((uint64_t)s->state * 16807 % 2147483647);
  return (s->state - 1) / 2147483646.0;
}

int smpp_stamp_template(struct smpp_stamp *s, const uint8_t *octets, size_t length) {
  struct smpp_pdu pdu;
  uint32_t framed = 0;
  if (smpp_pdu_frame(octets, length, SMPP_PDU_MAX_DEFAULT, &framed) != 0 || framed != length) return SMPP_ERR_BAD_LENGTH;
  smpp_pdu_decode(octets, framed, 0, NULL, &pdu);
  if (pdu.command == NULL) return SMPP_ERR_BAD_VALUE;
  int source = smpp_param_position(pdu.command, SMPP_F_SOURCE_ADDR);
  int destination = smpp_param_position(pdu.command, SMPP_F_DESTINATION_ADDR);
  if (source < 0 || destination < 0 || source >= pdu.param_count || destination >= pdu.param_count) return SMPP_ERR_BAD_VALUE;
  for (size_t i = 0; i < s->number_count; i++) {
    const struct smpp_stamp_number *n = &s->numbers[i];
    uint32_t room = pdu.params[n->is_destination ? destination : source].length;
    if ((uint32_t)n->at + n->width > room) return SMPP_ERR_BAD_VALUE;
  }
  struct smpp_stamp_template *templates = smpp_realloc(s->templates, (s->template_count + 1) * sizeof *templates);
  if (templates == NULL) return SMPP_ERR_NO_MEMORY;
  s->templates = templates;
  uint8_t *copy = smpp_realloc(NULL, length);
  if (copy == NULL) return SMPP_ERR_NO_MEMORY;
  memcpy(copy, octets, length);
  templates[s->template_count++] =
      (struct smpp_stamp_template){copy, framed, pdu.params[source].offset, pdu.params[destination].offset};
  return 0;
}

int smpp_stamp_number(struct smpp_stamp *s, const struct smpp_stamp_number *number) {
  if (s->number_count == SMPP_STAMP_NUMBERS_MAX || number->width > SMPP_STAMP_WIDTH_MAX) return SMPP_ERR_TOO_LONG;
  if (s->template_count > 0) return SMPP_ERR_BAD_VALUE; /* their addresses were measured without it */
  s->numbers[s->number_count++] = *number;
  return 0;
}

static void write_digits(uint8_t *out, unsigned width, uint64_t value) {
  for (unsigned i = width; i > 0; i--) {
    out[i - 1] = (uint8_t)('0' + value % 10);
    value /= 10;
  }
}

/* A number in [0,1) is good for seven digits. */
static void write_random(struct smpp_stamp *s, uint8_t *out, unsigned width) {
  static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
  while (width > 0) {
    unsigned some = width < 7 ? width : 7;
    write_digits(out, some, (uint64_t)(smpp_stamp_random(s) * powers[some]));
    out += some;
    width -= some;
  }
}

const struct smpp_stamp_template *smpp_stamp_next(struct smpp_stamp *s, size_t first, size_t count) {
  if (s->is_ready && s->ready_first == first) return &s->templates[s->ready];
  size_t picked = 0;
  if (count > 1)
    picked = s->pick == SMPP_STAMP_AT_RANDOM ? (size_t)(smpp_stamp_random(s) * (double)count) : (size_t)(s->made % count);
  s->is_ready = true;
  s->ready_first = first;
  s->ready = first + picked;
  struct smpp_stamp_template *t = &s->templates[s->ready];
  for (size_t i = 0; i < s->number_count; i++) {
    const struct smpp_stamp_number *n = &s->numbers[i];
    uint8_t *out = t->octets + (n->is_destination ? t->destination_at : t->source_at) + n->at;
    if (n->kind == SMPP_STAMP_DIGITS)
      write_random(s, out, n->width);
    else if (n->kind == SMPP_STAMP_COUNTER)
      write_digits(out, n->width, s->made); /* the last digits */
    else
      write_digits(out, n->width, (uint64_t)(n->low + (double)(uint64_t)(smpp_stamp_random(s) * n->count)));
  }
  return t;
}

void smpp_stamp_sent(struct smpp_stamp *s) {
  s->is_ready = false;
  s->made++;
}

void smpp_stamp_free(struct smpp_stamp *s) {
  for (size_t i = 0; i < s->template_count; i++) smpp_free(s->templates[i].octets);
  smpp_free(s->templates);
  s->templates = NULL;
  s->template_count = 0;
}
