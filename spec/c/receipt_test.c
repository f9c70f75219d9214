/* receipt.c: the text form cut at every octet, states, and message ids in two bases. */
#include "check.h"
#include "smpp/receipt.h"

static bool is(const struct smpp_receipt_field *field, const char *text) {
  if (text == NULL) return field->octets == NULL;
  return field->octets != NULL && field->length == strlen(text) && memcmp(field->octets, text, field->length) == 0;
}

static void rebase(const char *id, bool to_hex, const char *expected) {
  uint8_t out[SMPP_REBASED_MAX], *octets = exactly(id, strlen(id));
  size_t n = smpp_message_id_rebase(octets, strlen(id), to_hex, out);
  CHECK_FOR(n == strlen(expected) && memcmp(out, expected, n) == 0, id);
  free(octets);
}

#define WORD(octets) {(const uint8_t *)octets, sizeof octets - 1}

int main(void) {
  const char *text = "id:0123456789 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 mcc:262 text:Hello you";
  struct smpp_receipt r;
  size_t whole = strlen(text);
  for (size_t length = 0; length <= whole; length++) {
    uint8_t *octets = exactly(text, length);
    smpp_receipt_scan(octets, length, &r);
    for (unsigned key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
      const struct smpp_receipt_field *field = &r.field[key];
      CHECK(field->octets == NULL || (field->octets >= octets && field->octets + field->length <= octets + length));
    }
    if (length == whole) {
      CHECK(is(&r.field[SMPP_RECEIPT_ID], "0123456789") && is(&r.field[SMPP_RECEIPT_STAT], "DELIVRD"));
      CHECK(is(&r.field[SMPP_RECEIPT_SUBMIT_DATE], "2611211200") && is(&r.field[SMPP_RECEIPT_DONE_DATE], "2611211201"));
      CHECK(is(&r.field[SMPP_RECEIPT_ERR], "000") && is(&r.field[SMPP_RECEIPT_TEXT], "Hello you"));
      CHECK(r.extra_count == 1 && is(&r.extra[0].key, "mcc") && is(&r.extra[0].value, "262"));
    }
    free(octets);
  }
  smpp_receipt_scan((const uint8_t *)"STAT:undeliv ID:a id:b", 22, &r); /* any case and order, the first counts */
  CHECK(is(&r.field[SMPP_RECEIPT_ID], "a") && is(&r.field[SMPP_RECEIPT_STAT], "undeliv") && is(&r.field[SMPP_RECEIPT_TEXT], NULL));

  static const char *const stats[] = {"ENROUTE", "DELIVRD", "expired", "Deleted", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"};
  for (size_t i = 0; i < sizeof stats / sizeof *stats; i++) {
    const struct smpp_message_state *state = smpp_state_by_stat((const uint8_t *)stats[i], strlen(stats[i]));
    CHECK_FOR(state != NULL && smpp_state_by_number((uint32_t)state->number) == state, stats[i]);
  }
  CHECK(smpp_state_by_stat((const uint8_t *)"DELIVRDX", 8) == NULL && smpp_state_by_stat((const uint8_t *)"", 0) == NULL);
  CHECK(smpp_state_by_number(10) == NULL && smpp_state_by_number(0xFFFFFFFFu) == NULL);

  static const char *const written = "id:1 sub:001 dlvrd:001 submit date:2311142213 done date:0000000000 stat:DELIVRD err:000 text:Hi";
  struct smpp_receipt_text receipt = {{WORD("1"), WORD("001"), WORD("001"), {NULL, 0}, {NULL, 0}, WORD("DELIVRD"), WORD("000"), WORD("Hi")},
                                   {1700000000, 0},
                                   {true, false}};
  static uint8_t long_text[SMPP_RECEIPT_TEXT_MAX];
  uint8_t line[SMPP_RECEIPT_TEXT_MAX];
  enum smpp_receipt_key wrong;
  size_t rest = SMPP_RECEIPT_TEXT_MAX - (strlen(written) - 2);
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == strlen(written) && memcmp(line, written, strlen(written)) == 0);
  receipt.field[SMPP_RECEIPT_TEXT] = (struct smpp_receipt_field){long_text, rest};
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == SMPP_RECEIPT_TEXT_MAX);
  receipt.field[SMPP_RECEIPT_TEXT].length = rest + 1;
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == 0 && wrong == SMPP_RECEIPT_TEXT);
  receipt.field[SMPP_RECEIPT_ERR] = (struct smpp_receipt_field)WORD("0 1");
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == 0 && wrong == SMPP_RECEIPT_ERR);
  receipt.has_date[1] = true;
  receipt.date_s[1] = 4102444800; /* 2100 */
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == 0 && wrong == SMPP_RECEIPT_DONE_DATE);
  receipt.field[SMPP_RECEIPT_ID].length = 0;
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == 0 && wrong == SMPP_RECEIPT_ID);
  receipt.field[SMPP_RECEIPT_ID] = (struct smpp_receipt_field){long_text, 300};
  CHECK(smpp_receipt_write(&receipt, line, &wrong) == 0 && wrong == SMPP_RECEIPT_ID);

  rebase("ff", false, "255");
  rebase("00FF", false, "255");
  rebase("255", true, "ff");
  rebase("0", true, "0");
  rebase("18446744073709551616", true, "10000000000000000"); /* more than 64 bits */
  rebase("10000000000000000", false, "18446744073709551616");
  rebase("xyz", false, "");
  rebase("1f", true, ""); /* no decimal number */
  rebase("", true, "");
  char longest[SMPP_MESSAGE_ID_MAX + 2];
  memset(longest, 'f', sizeof longest);
  uint8_t out[SMPP_REBASED_MAX];
  CHECK(smpp_message_id_rebase((uint8_t *)longest, SMPP_MESSAGE_ID_MAX, false, out) == 79);
  CHECK(smpp_message_id_rebase((uint8_t *)longest, SMPP_MESSAGE_ID_MAX + 1, false, out) == 0);
  return report();
}
