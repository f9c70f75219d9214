/* Records are read as they lie there, and cut anywhere they are malformed, not read behind their end. */
#include "check.h"
#include "smpp/record.h"

/* key (1) = "id", an undeclared name = 300, outcome (3) = a table with a table, octets (2) = 70 times 'x', 4 = 1.5 */
static size_t write(uint8_t out[256]) {
  size_t n = 0;
  const uint8_t start[] = {1, SMPP_RECORD_SHORT + 2, 'i', 'd', 0, SMPP_RECORD_SHORT + 3, 'o', 'w', 'n', SMPP_RECORD_POSITIVE, 0xAC, 2,
                           3, SMPP_RECORD_TABLE, SMPP_RECORD_SHORT + 1, 'a', SMPP_RECORD_TABLE, 1, SMPP_RECORD_TRUE, SMPP_RECORD_END, SMPP_RECORD_END,
                           2, SMPP_RECORD_STRING, 70};
  const uint8_t end[] = {4, SMPP_RECORD_DOUBLE, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 5, SMPP_RECORD_NEGATIVE, 6, 6, SMPP_RECORD_FALSE};
  memcpy(out, start, sizeof start);
  n = sizeof start;
  memset(out + n, 'x', 70);
  n += 70;
  memcpy(out + n, end, sizeof end);
  return n + sizeof end;
}

static double number_of(const uint8_t *octets, size_t size, uint8_t place) {
  struct smpp_record_in in = smpp_record_in(octets, size);
  double number = 0;
  return smpp_record_take_number(&in, smpp_record_find(&in, place), &number) && !in.is_bad ? number : -1;
}

/* What the place has, in any cut of the octets: the same, or nothing. */
static void check_cut(const uint8_t *octets, size_t size, size_t cut) {
  uint8_t *part = exactly(octets, cut);
  for (uint8_t place = 0; place < 9; place++) {
    size_t length, whole_length;
    const char *got = smpp_record_string(part, cut, place, &length), *whole = smpp_record_string(octets, size, place, &whole_length);
    CHECK(got == NULL || (whole != NULL && length == whole_length && memcmp(got, whole, length) == 0));
    struct smpp_record_in in = smpp_record_in(part, cut);
    CHECK(smpp_record_find(&in, place) == SMPP_RECORD_END || cut > 0);
    CHECK(in.at >= part && in.at <= part + cut);
  }
  free(part);
}

int main(void) {
  uint8_t octets[256];
  size_t size = write(octets), length;
  const char *key = smpp_record_string(octets, size, 1, &length);
  CHECK(key != NULL && length == 2 && memcmp(key, "id", 2) == 0);
  CHECK(smpp_record_string(octets, size, 2, &length) != NULL && length == 70);
  CHECK(smpp_record_string(octets, size, 3, &length) == NULL && length == 0);
  CHECK(smpp_record_string(octets, size, 9, &length) == NULL);
  CHECK(number_of(octets, size, 4) == 1.5);
  CHECK(number_of(octets, size, 5) == -7);
  CHECK(number_of(octets, size, 6) == -1);
  for (size_t cut = 0; cut <= size; cut++) check_cut(octets, size, cut);
  for (size_t at = 0; at < size; at++) { /* any octet another */
    for (unsigned other = 0; other < 256; other += 5) {
      uint8_t *wrong = exactly(octets, size);
      wrong[at] = (uint8_t)other;
      for (uint8_t place = 1; place < 7; place++) {
        const char *got = smpp_record_string(wrong, size, place, &length);
        CHECK(got == NULL || ((const uint8_t *)got >= wrong && length <= size && (const uint8_t *)got + length <= wrong + size));
      }
      free(wrong);
    }
  }
  return report();
}
