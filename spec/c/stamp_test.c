/* Stamp: digits stand where they were asked for and nowhere else; templates are those of PDUs with both addresses. */
#include "session_support.h"
#include "smpp/stamp.h"

/* A submit_sm from |source| to |destination|. */
static size_t submit(uint8_t *out, const char *source, const char *destination) {
  struct built b;
  struct smpp_fault fault;
  struct smpp_writer w = {out, 512, 0};
  const struct smpp_command *command = smpp_command_by_id(NULL, SMPP_SUBMIT_SM);
  build(&b, command, 1, 0);
  const char *addresses[] = {source, destination};
  const unsigned fields[] = {SMPP_F_SOURCE_ADDR, SMPP_F_DESTINATION_ADDR};
  for (int i = 0; i < 2; i++)
    b.message.params[smpp_param_position(command, fields[i])] =
        (struct smpp_value){.is = SMPP_STRING, .octets = (const uint8_t *)addresses[i], .length = (uint32_t)strlen(addresses[i])};
  CHECK(smpp_pdu_encode(&b.message, &w, &fault) == 0 && smpp_write_fits(&w));
  return w.length;
}

static void digits(void) {
  struct smpp_stamp s = {.state = 42};
  const struct smpp_stamp_number numbers[] = {
      {SMPP_STAMP_DIGITS, true, 2, 9, 0, 1}, {SMPP_STAMP_COUNTER, false, 3, 2, 0, 1}, {SMPP_STAMP_RANGE, true, 12, 3, 100, 200}};
  uint8_t pdu[512];
  for (int i = 0; i < 3; i++) CHECK(smpp_stamp_number(&s, &numbers[i]) == 0);
  size_t length = submit(pdu, "+49??", "49?????????x???y"), at;
  CHECK(smpp_stamp_template(&s, pdu, length) == 0);
  CHECK(smpp_stamp_template(&s, pdu, submit(pdu, "+49?", "49?????????x???y")) == SMPP_ERR_BAD_VALUE); /* no room for the counter */
  CHECK(smpp_stamp_number(&s, &numbers[0]) == SMPP_ERR_BAD_VALUE);
  length = submit(pdu, "+49??", "49?????????x???y");
  for (unsigned n = 0; n < 250; n++) {
    const struct smpp_stamp_template *t = smpp_stamp_next(&s, 0, 1);
    CHECK(smpp_stamp_next(&s, 0, 1) == t && t->length == length);
    char source[6] = {0}, destination[17] = {0};
    memcpy(source, t->octets + t->source_at, 5);
    memcpy(destination, t->octets + t->destination_at, 16);
    CHECK(memcmp(source, "+49", 3) == 0 && (unsigned)atoi(source + 3) == n % 100);
    CHECK(memcmp(destination, "49", 2) == 0 && destination[11] == 'x' && destination[15] == 'y');
    CHECK(strspn(destination + 2, "0123456789") == 9);
    int range = atoi(destination + 12);
    CHECK(range >= 100 && range <= 299);
    for (at = 0; at < length; at++) /* all else is the template's */
      CHECK(t->octets[at] == pdu[at] || pdu[at] == '?');
    smpp_stamp_sent(&s);
  }
  CHECK(s.made == 250);
  smpp_stamp_free(&s);
  CHECK(blocks_alive == 0);
}

static void sets(void) {
  struct smpp_stamp s = {.state = 9};
  uint8_t pdu[512];
  unsigned picked[6] = {0};
  for (int i = 0; i < 6; i++) CHECK(smpp_stamp_template(&s, pdu, submit(pdu, "1", "2")) == 0);
  for (int i = 0; i < 9; i++) {
    CHECK(smpp_stamp_next(&s, 3, 3) == &s.templates[3 + i % 3]);
    smpp_stamp_sent(&s);
  }
  CHECK(smpp_stamp_next(&s, 0, 3) == &s.templates[0] && smpp_stamp_next(&s, 3, 3) == &s.templates[3]); /* of another set */
  s.pick = SMPP_STAMP_AT_RANDOM;
  for (int i = 0; i < 600; i++) {
    smpp_stamp_sent(&s);
    picked[smpp_stamp_next(&s, 0, 3) - s.templates]++;
  }
  for (int i = 0; i < 6; i++) CHECK(i < 3 ? picked[i] > 150 : picked[i] == 0);
  smpp_stamp_free(&s);
}

static void refused(void) {
  struct smpp_stamp s = {.state = 1};
  uint8_t pdu[512];
  size_t length = submit(pdu, "1", "2");
  for (size_t cut = 0; cut < length; cut++) CHECK(smpp_stamp_template(&s, pdu, cut) != 0);
  for (uint32_t cut = 16; cut < 24; cut++) { /* with a command_length that fits: addresses are missing */
    smpp_write_header(pdu, cut, SMPP_SUBMIT_SM, 0, 1);
    CHECK(smpp_stamp_template(&s, pdu, cut) == SMPP_ERR_BAD_VALUE);
  }
  smpp_write_header(pdu, 16, SMPP_ENQUIRE_LINK, 0, 1);
  CHECK(smpp_stamp_template(&s, pdu, 16) == SMPP_ERR_BAD_VALUE);
  smpp_write_header(pdu, 16, 0x77, 0, 1);
  CHECK(smpp_stamp_template(&s, pdu, 16) == SMPP_ERR_BAD_VALUE);
  length = submit(pdu, "1", "2");
  for (long at = 1; at <= 2; at++) {
    allocations = 0;
    fail_at = fail_until = at;
    CHECK(smpp_stamp_template(&s, pdu, length) == SMPP_ERR_NO_MEMORY && s.template_count == 0);
    fail_at = 0;
  }
  struct smpp_stamp_number n = {SMPP_STAMP_DIGITS, true, 0, 1, 0, 1};
  for (int i = 0; i < SMPP_STAMP_NUMBERS_MAX; i++) CHECK(smpp_stamp_number(&s, &n) == 0);
  CHECK(smpp_stamp_number(&s, &n) == SMPP_ERR_TOO_LONG);
  smpp_stamp_free(&s);
  CHECK(blocks_alive == 0);
}

int main(void) {
  smpp_set_allocator(failing_realloc);
  digits();
  sets();
  refused();
  return report();
}
