/* Reads any octets as the text of a receipt, as a date, as a message id and as a state. */
#include <stdlib.h>
#include <string.h>

#include "smpp/receipt.h"
#include "smpp/timestamp.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {
#define TEXT(key, text, name) text ":",
    SMPP_RECEIPT_KEYS(TEXT)
#undef TEXT
};

static uint8_t *append(uint8_t *out, const void *octets, size_t length) {
  if (length > 0) memcpy(out, octets, length);
  return out + length;
}

/* What was found, written in the standard's order, reads as the same. */
static void check_rewritten(const struct smpp_receipt *first, size_t size) {
  struct smpp_receipt again;
  uint8_t *rewritten = malloc(size + 16 * SMPP_RECEIPT_KEY_COUNT), *p = rewritten;
  EXPECT(rewritten != NULL);
  for (int key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    if (first->field[key].octets == NULL) continue;
    p = append(p, " ", 1);
    p = append(p, keys[key], strlen(keys[key]));
    p = append(p, first->field[key].octets, first->field[key].length);
  }
  smpp_receipt_scan(rewritten, (size_t)(p - rewritten), &again);
  for (int key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    EXPECT((first->field[key].octets == NULL) == (again.field[key].octets == NULL));
    if (first->field[key].octets == NULL) continue;
    EXPECT(first->field[key].length == again.field[key].length);
    EXPECT(memcmp(first->field[key].octets, again.field[key].octets, again.field[key].length) == 0);
  }
  free(rewritten);
}

static void check_text(const uint8_t *data, size_t size) {
  struct smpp_receipt receipt;
  size_t total = 0;
  smpp_receipt_scan(data, size, &receipt);
  for (int key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    const struct smpp_receipt_field *field = &receipt.field[key];
    if (field->octets == NULL) continue;
    total += field->length;
    EXPECT(field->octets >= data && field->length <= (size_t)(data + size - field->octets));
    if (key == SMPP_RECEIPT_TEXT || key == SMPP_RECEIPT_SUBMIT_DATE || key == SMPP_RECEIPT_DONE_DATE) continue;
    EXPECT(memchr(field->octets, ' ', field->length) == NULL && memchr(field->octets, 0, field->length) == NULL);
  }
  EXPECT(receipt.extra_count <= SMPP_RECEIPT_EXTRAS);
  for (unsigned i = 0; i < receipt.extra_count; i++) {
    const struct smpp_receipt_field *key = &receipt.extra[i].key, *value = &receipt.extra[i].value;
    total += key->length + 1 + value->length;
    EXPECT(key->length > 0 && key->length <= SMPP_RECEIPT_EXTRA_MAX);
    EXPECT(key->octets >= data && value->octets > key->octets + key->length);
    EXPECT(value->length <= (size_t)(data + size - value->octets) && memchr(value->octets, ' ', value->length) == NULL);
  }
  EXPECT(total <= size);
  check_rewritten(&receipt, size);
}

static void check_id(const uint8_t *data, size_t size) {
  uint8_t decimal[SMPP_REBASED_MAX], hex[SMPP_REBASED_MAX], back[SMPP_REBASED_MAX];
  size_t digits = smpp_message_id_rebase(data, size, false, decimal);
  EXPECT(digits < SMPP_REBASED_MAX);
  if (digits == 0 || digits > SMPP_MESSAGE_ID_MAX) return;
  size_t hex_digits = smpp_message_id_rebase(decimal, digits, true, hex);
  EXPECT(hex_digits > 0 && hex_digits <= size);
  EXPECT(smpp_message_id_rebase(hex, hex_digits, false, back) == digits && memcmp(back, decimal, digits) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_text(data, size);
  check_id(data, size);
  const struct smpp_timestamp_rules rules = {2000, 0, false};
  int64_t unix_s;
  (void)!smpp_receipt_date(data, size, &rules, &unix_s);
  const struct smpp_message_state *state = smpp_state_by_stat(data, size);
  EXPECT(state == NULL || smpp_state_by_number((uint32_t)state->number)->number == state->number);
  return 0;
}
