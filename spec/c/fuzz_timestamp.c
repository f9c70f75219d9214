/* Reads any octets as a time field and as a receipt's date: one octet of rules, then the field. */
#include <stdlib.h>
#include <string.h>

#include "smpp/timestamp.h"

#define EXPECT(condition) \
  if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rewritten(const struct smpp_timestamp *time, const struct smpp_timestamp_rules *rules) {
  uint8_t out[SMPP_TIMESTAMP_OCTETS];
  struct smpp_timestamp again;
  size_t length;
  if (smpp_timestamp_write(time, rules->first_year, out, &length) != 0) {
    /* 99 days and 99 hours are more than 99 days; a local time may be of another year in UTC */
    EXPECT(time->kind == SMPP_TIME_RELATIVE ? time->rest_s >= 100 * 86400 : !time->zoned);
    return;
  }
  EXPECT(length == (time->kind == SMPP_TIME_NONE ? 0 : SMPP_TIMESTAMP_OCTETS));
  EXPECT(smpp_timestamp_read(out, length, rules, &again) == 0);
  EXPECT(again.kind == time->kind && again.unix_s == time->unix_s && again.tenths == time->tenths);
  EXPECT(again.quarters == time->quarters && again.years == time->years && again.months == time->months);
  EXPECT(again.rest_s == time->rest_s);
}

/* Days <-> dates: each day is one date, and the next day the next one. */
static void check_calendar(int64_t unix_s) {
  int64_t year, next_year, days = unix_s / 86400;
  unsigned month, day, next_month, next_day;
  smpp_civil_from_days(days, &year, &month, &day);
  EXPECT(month >= 1 && month <= 12 && day >= 1 && day <= 31);
  EXPECT(smpp_days_from_civil(year, month, day) == days);
  smpp_civil_from_days(days + 1, &next_year, &next_month, &next_day);
  EXPECT(next_day == day + 1 || (next_day == 1 && next_month == month % 12 + 1 && next_year == year + (month == 12)));
}

static void check_after(const struct smpp_timestamp *relative, int64_t now) {
  int64_t period = smpp_timestamp_after(relative, now) - now;
  int64_t months = (int64_t)relative->years * 12 + relative->months;
  EXPECT(period >= months * 28 * 86400 + relative->rest_s && period <= months * 31 * 86400 + relative->rest_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct smpp_timestamp_rules rules = {2000, 0, false};
  struct smpp_timestamp time;
  int64_t unix_s = 0;
  if (size == 0) return 0;
  rules.lenient = (data[0] & 1) != 0;
  rules.first_year = (data[0] & 2) != 0 ? 1938 : 2000;
  rules.zone_s = (data[0] >> 2) * 900 - 28800;
  data++;
  size--;
  if (smpp_timestamp_read(data, size, &rules, &time) == 0) {
    EXPECT(size <= SMPP_TIMESTAMP_OCTETS + 1);
    EXPECT(time.tenths <= 9 && time.quarters >= -48 && time.quarters <= 48);
    check_rewritten(&time, &rules);
    if (time.kind == SMPP_TIME_ABSOLUTE) check_calendar(time.unix_s);
    if (time.kind == SMPP_TIME_RELATIVE) {
      for (int64_t now = 0; now < 4102444800; now += 86400 * 97 + 12345) check_after(&time, now);
    }
  }
  if (smpp_receipt_date(data, size, &rules, &unix_s)) {
    EXPECT(size >= 10 && (size <= 16 || data[4] == '-')); /* only ISO 8601 has a fraction of any length */
    check_calendar(unix_s);
  }
  return 0;
}
