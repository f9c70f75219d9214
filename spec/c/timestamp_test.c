/* timestamp.c: every day of four centuries, every field at its limits, input cut and damaged. */
#include "check.h"
#include "smpp/timestamp.h"

static const struct smpp_timestamp_rules RULES = {2000, 0, false}, LENIENT = {2000, 3600, true};

static int read_text(const char *text, const struct smpp_timestamp_rules *rules, struct smpp_timestamp *out) {
  uint8_t *octets = exactly(text, strlen(text));
  int error = smpp_timestamp_read(octets, strlen(text), rules, out);
  free(octets);
  return error;
}

static void calendar(void) {
  int64_t days = smpp_days_from_civil(1900, 1, 1);
  bool good = true;
  for (int64_t day = days; day < days + 146097; day++) { /* 400 years */
    int64_t year;
    unsigned month, date;
    smpp_civil_from_days(day, &year, &month, &date);
    good = good && month >= 1 && month <= 12 && date >= 1 && date <= 31 && smpp_days_from_civil(year, month, date) == day;
  }
  CHECK(good);
  CHECK(smpp_days_from_civil(1970, 1, 1) == 0 && smpp_days_from_civil(2000, 2, 29) == 11016);
  int64_t unix_s;
  CHECK(smpp_unix_time(2000, 2, 29, 23, 59, 59, &unix_s) && unix_s == 951868799);
  CHECK(!smpp_unix_time(2001, 2, 29, 0, 0, 0, &unix_s) && !smpp_unix_time(1900, 2, 29, 0, 0, 0, &unix_s));
  CHECK(!smpp_unix_time(2001, 13, 1, 0, 0, 0, &unix_s) && !smpp_unix_time(2001, 4, 31, 0, 0, 0, &unix_s));
  CHECK(!smpp_unix_time(2001, 1, 1, 24, 0, 0, &unix_s) && !smpp_unix_time(2001, 1, 1, 0, 60, 0, &unix_s));
}

static void round_trip(const char *text) {
  struct smpp_timestamp time;
  uint8_t out[SMPP_TIMESTAMP_OCTETS];
  size_t length = 99;
  CHECK_FOR(read_text(text, &RULES, &time) == 0, text);
  CHECK_FOR(smpp_timestamp_write(&time, 2000, out, &length) == 0, text);
  CHECK_FOR(length == strlen(text) && memcmp(out, text, length) == 0, text);
}

int main(void) {
  calendar();
  round_trip("");
  round_trip("000101000000000+");
  round_trip("991231235959948-");
  round_trip("240229120000348+");
  round_trip("000000000000000R");
  round_trip("991130235959000R");

  struct smpp_timestamp time;
  CHECK(read_text("700101000000004+", &(struct smpp_timestamp_rules){1970, 0, false}, &time) == 0);
  CHECK(time.unix_s == -3600 && time.quarters == 4 && time.zoned);
  CHECK(read_text("240101000000", &LENIENT, &time) == 0 && !time.zoned && time.unix_s == 1704063600); /* the MC is an hour ahead */
  static const char *const wrong[] = {
      "2", "24010100000", "240101000000000", "2401010000000000", "24010100000000X+", "241301000000000+", "240230000000000+",
      "240101250000000+", "240101006000000+", "240101000060000+", "240101000000049+", "24010100000000 +", "-40101000000000+"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) CHECK_FOR(read_text(wrong[i], &RULES, &time) < 0, wrong[i]);
  CHECK(read_text("240101000060000+", &LENIENT, &time) == 0); /* a leap second */
  CHECK(read_text("000000000000000r", &LENIENT, &time) == 0 && time.kind == SMPP_TIME_RELATIVE);

  const char *whole = "240229120000348+";
  for (size_t length = 0; length < 16; length++) { /* cut: only empty and local times are whole */
    uint8_t *cut = exactly(whole, length);
    CHECK((smpp_timestamp_read(cut, length, &RULES, &time) == 0) == (length == 0 || length == 12));
    free(cut);
  }

  CHECK(read_text("000100000000000R", &RULES, &time) == 0);
  CHECK(smpp_timestamp_after(&time, 1706659200) == 1709164800); /* a month after 31 January 2024: 29 February */
  uint8_t out[SMPP_TIMESTAMP_OCTETS];
  size_t length;
  time = (struct smpp_timestamp){.kind = SMPP_TIME_ABSOLUTE, .unix_s = 946684799}; /* 1999 */
  CHECK(smpp_timestamp_write(&time, 2000, out, &length) == SMPP_ERR_BAD_VALUE);
  time = (struct smpp_timestamp){.kind = SMPP_TIME_ABSOLUTE, .unix_s = 946684800, .quarters = 49};
  CHECK(smpp_timestamp_write(&time, 2000, out, &length) == SMPP_ERR_BAD_VALUE);
  time = (struct smpp_timestamp){.kind = SMPP_TIME_RELATIVE, .years = 100};
  CHECK(smpp_timestamp_write(&time, 2000, out, &length) == SMPP_ERR_BAD_VALUE);

  static const struct {
    const char *text;
    int64_t unix_s;
  } dates[] = {{"2401011200", 1704110400}, {"240101120030", 1704110430}, {"20240101120030", 1704110430},
               {"202401011200", 1704110400}, {"2024-01-01T12:00:30Z", 1704110430}, {"2024-01-01 12:00", 1704110400}};
  for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
    int64_t unix_s = 0;
    size_t all = strlen(dates[i].text);
    uint8_t *octets = exactly(dates[i].text, all);
    CHECK_FOR(smpp_receipt_date(octets, all, &RULES, &unix_s) && unix_s == dates[i].unix_s, dates[i].text);
    free(octets);
    for (size_t cut = 0; cut < all; cut++) {
      octets = exactly(dates[i].text, cut);
      (void)smpp_receipt_date(octets, cut, &RULES, &unix_s); /* whatever it is, nothing behind it is read */
      free(octets);
    }
  }
  int64_t unix_s;
  CHECK(!smpp_receipt_date((const uint8_t *)"", 0, &RULES, &unix_s) && !smpp_receipt_date((const uint8_t *)"yesterday", 9, &RULES, &unix_s));
  CHECK(smpp_digits((const uint8_t *)"007", 3) == 7 && smpp_digits((const uint8_t *)"0x7", 3) == -1);
  return report();
}
