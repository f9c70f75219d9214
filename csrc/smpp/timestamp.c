#include "timestamp.h"

#include <string.h>

#define DAY_S 86400
#define QUARTER_S 900
#define MAX_QUARTERS 48
#define MAX_UNIX_S INT64_C(1000000000000) /* far beyond any year of four digits; nothing overflows */

int32_t smpp_digits(const uint8_t *octets, unsigned count) {
  int32_t n = 0;
  for (unsigned i = 0; i < count; i++) {
    if (octets[i] < '0' || octets[i] > '9') return -1;
    n = n * 10 + (octets[i] - '0');
  }
  return n;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Years start in March, so the leap day is the last of its year. */
int64_t smpp_days_from_civil(int64_t year, unsigned month, unsigned day) {
  int64_t y = month <= 2 ? year - 1 : year;
  int64_t march_month = (month + 9) % 12;
  int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
  return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + day_of_year - 719468;
}

void smpp_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day) {
  int64_t shifted = days + 719468;
  int64_t era = floor_div(shifted, 146097);
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t march_month = (5 * day_of_year + 2) / 153;
  *day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1);
  *month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
  *year = year_of_era + era * 400 + (*month <= 2);
}

static unsigned days_in_month(int64_t year, unsigned month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

bool smpp_unix_time(int year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second,
                    int64_t *unix_s) {
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *unix_s = smpp_days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
  return true;
}

/* The year from |first_year| on that ends in these two digits. */
static int full_year(unsigned two_digits, int first_year) {
  int first_digits = (first_year % 100 + 100) % 100;
  return first_year + ((int)two_digits - first_digits + 100) % 100;
}

static bool all_zeros(const uint8_t *octets, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (octets[i] != '0') return false;
  }
  return true;
}

/* YYMMDDhhmmss, all digits; |unit| gets the six numbers. */
static bool read_units(const uint8_t *octets, unsigned unit[6]) {
  for (unsigned i = 0; i < 6; i++) {
    int32_t n = smpp_digits(octets + 2 * i, 2);
    if (n < 0) return false;
    unit[i] = (unsigned)n;
  }
  return true;
}

int smpp_timestamp_read(const uint8_t *octets, size_t length, const struct smpp_timestamp_rules *rules,
                        struct smpp_timestamp *out) {
  unsigned unit[6];
  memset(out, 0, sizeof *out);
  if (length > 0 && octets[length - 1] == 0) length--;
  if (length == 0) return 0;
  if (length != 12 && length != SMPP_TIMESTAMP_OCTETS) return SMPP_ERR_BAD_LENGTH;
  if (!read_units(octets, unit)) return SMPP_ERR_BAD_VALUE;

  uint8_t form = '+';
  int32_t zone_s = rules->zone_s;
  if (length == SMPP_TIMESTAMP_OCTETS) {
    int32_t tenths = smpp_digits(octets + 12, 1), quarters = smpp_digits(octets + 13, 2);
    if (tenths < 0 || quarters < 0) return SMPP_ERR_BAD_VALUE;
    form = octets[15];
    if (form == 'R' || (form == 'r' && rules->lenient)) {
      out->kind = SMPP_TIME_RELATIVE;
      out->years = unit[0];
      out->months = unit[1];
      out->rest_s = unit[2] * DAY_S + unit[3] * 3600 + unit[4] * 60 + unit[5];
      return 0;
    }
    if ((form != '+' && form != '-') || quarters > MAX_QUARTERS) return SMPP_ERR_BAD_VALUE;
    out->tenths = (unsigned)tenths;
    out->quarters = form == '+' ? (int)quarters : -(int)quarters;
    out->zoned = true;
    zone_s = out->quarters * QUARTER_S;
  }
  if (rules->lenient && all_zeros(octets, length == 12 ? 12 : 15)) return 0;
  if (rules->lenient && unit[5] == 60) unit[5] = 59;
  if (!smpp_unix_time(full_year(unit[0], rules->first_year), unit[1], unit[2], unit[3], unit[4], unit[5],
                      &out->unix_s))
    return SMPP_ERR_BAD_VALUE;
  out->kind = SMPP_TIME_ABSOLUTE;
  out->unix_s -= zone_s;
  return 0;
}

static void put_two(uint8_t *out, unsigned n) {
  out[0] = (uint8_t)('0' + n / 10 % 10);
  out[1] = (uint8_t)('0' + n % 10);
}

int smpp_timestamp_write(const struct smpp_timestamp *time, int first_year, uint8_t out[SMPP_TIMESTAMP_OCTETS],
                         size_t *length) {
  unsigned unit[6];
  uint32_t of_day;
  *length = 0;
  if (time->kind == SMPP_TIME_NONE) return 0;
  if (time->kind == SMPP_TIME_ABSOLUTE) {
    if (time->tenths > 9 || time->quarters > MAX_QUARTERS || time->quarters < -MAX_QUARTERS) return SMPP_ERR_BAD_VALUE;
    if (time->unix_s > MAX_UNIX_S || time->unix_s < -MAX_UNIX_S) return SMPP_ERR_BAD_VALUE;
    int64_t year, local = time->unix_s + time->quarters * QUARTER_S;
    int64_t days = floor_div(local, DAY_S);
    smpp_civil_from_days(days, &year, &unit[1], &unit[2]);
    if (year < first_year || year > (int64_t)first_year + 99) return SMPP_ERR_BAD_VALUE;
    unit[0] = (unsigned)((year % 100 + 100) % 100);
    of_day = (uint32_t)(local - days * DAY_S);
  } else {
    unit[0] = time->years;
    unit[1] = time->months;
    unit[2] = time->rest_s / DAY_S;
    of_day = time->rest_s % DAY_S;
    if (unit[0] > 99 || unit[1] > 99 || unit[2] > 99) return SMPP_ERR_BAD_VALUE;
  }
  unit[3] = of_day / 3600;
  unit[4] = of_day / 60 % 60;
  unit[5] = of_day % 60;
  for (unsigned i = 0; i < 6; i++) put_two(out + 2 * i, unit[i]);
  bool absolute = time->kind == SMPP_TIME_ABSOLUTE;
  bool behind = absolute && time->quarters < 0;
  out[12] = (uint8_t)('0' + (absolute ? time->tenths : 0));
  put_two(out + 13, absolute ? (unsigned)(behind ? -time->quarters : time->quarters) : 0);
  out[15] = absolute ? (behind ? '-' : '+') : 'R';
  *length = SMPP_TIMESTAMP_OCTETS;
  return 0;
}

int64_t smpp_timestamp_after(const struct smpp_timestamp *relative, int64_t unix_s) {
  int64_t year, days = floor_div(unix_s, DAY_S);
  unsigned month, day;
  smpp_civil_from_days(days, &year, &month, &day);
  unsigned months = month - 1 + relative->months;
  year += relative->years + months / 12;
  month = months % 12 + 1;
  if (day > days_in_month(year, month)) day = days_in_month(year, month);
  return smpp_days_from_civil(year, month, day) * DAY_S + (unix_s - days * DAY_S) + relative->rest_s;
}

/* A local civil time: YY or YYYY, as |year_digits| says, then MMDDhhmm and ss if it is there. */
static bool read_local(const uint8_t *octets, size_t length, unsigned year_digits,
                       const struct smpp_timestamp_rules *rules, int64_t *unix_s) {
  unsigned unit[5] = {0, 0, 0, 0, 0};
  int32_t year = smpp_digits(octets, year_digits);
  if (year < 0) return false;
  for (size_t i = 0; year_digits + 2 * i < length; i++) {
    int32_t n = smpp_digits(octets + year_digits + 2 * i, 2);
    if (n < 0) return false;
    unit[i] = (unsigned)n;
  }
  if (unit[4] == 60) unit[4] = 59;
  if (year_digits == 2) year = full_year((unsigned)year, rules->first_year);
  if (!smpp_unix_time(year, unit[0], unit[1], unit[2], unit[3], unit[4], unix_s)) return false;
  *unix_s -= rules->zone_s;
  return true;
}

/* ISO 8601: YYYY-MM-DD, then T or a blank and hh:mm, ss and a fraction if they are there, then Z or +hh:mm. */
static bool read_iso(const uint8_t *octets, size_t length, const struct smpp_timestamp_rules *rules, int64_t *unix_s) {
  const uint8_t *p = octets + 10, *end = octets + length;
  int32_t year = smpp_digits(octets, 4), month = smpp_digits(octets + 5, 2), day = smpp_digits(octets + 8, 2);
  int32_t unit[3] = {0, 0, 0}, zone_s = rules->zone_s;
  if (octets[7] != '-' || year < 0 || month < 0 || day < 0) return false;
  size_t i = 0;
  for (; i < 3 && end - p >= 3 && (i == 0 ? *p == 'T' || *p == 't' || *p == ' ' : *p == ':'); i++, p += 3) {
    unit[i] = smpp_digits(p + 1, 2);
    if (unit[i] < 0) return false;
  }
  if (i == 3 && p < end && *p == '.') /* of seconds */
    for (p++; p < end && *p >= '0' && *p <= '9';) p++;
  if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
    zone_s = 0;
  } else if (p < end) {
    bool has_colon = end - p == 6 && p[3] == ':';
    if ((*p != '+' && *p != '-') || !(has_colon || end - p == 5)) return false;
    int32_t hours = smpp_digits(p + 1, 2), minutes = smpp_digits(end - 2, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return false;
    zone_s = (hours * 3600 + minutes * 60) * (*p == '-' ? -1 : 1);
  }
  if (unit[2] == 60) unit[2] = 59;
  if (!smpp_unix_time(year, (unsigned)month, (unsigned)day, (unsigned)unit[0], (unsigned)unit[1], (unsigned)unit[2], unix_s))
    return false;
  *unix_s -= zone_s;
  return true;
}

bool smpp_receipt_date(const uint8_t *octets, size_t length, const struct smpp_timestamp_rules *rules,
                       int64_t *unix_s) {
  if (length >= 10 && octets[4] == '-') return read_iso(octets, length, rules, unix_s);
  if (length == 10) return read_local(octets, length, 2, rules, unix_s);
  if (length == 12)
    return read_local(octets, length, 2, rules, unix_s) || read_local(octets, length, 4, rules, unix_s);
  if (length == 14) return read_local(octets, length, 4, rules, unix_s);
  if (length != SMPP_TIMESTAMP_OCTETS) return false;
  struct smpp_timestamp_rules lenient = *rules;
  struct smpp_timestamp time;
  lenient.lenient = true;
  if (smpp_timestamp_read(octets, length, &lenient, &time) != 0 || time.kind != SMPP_TIME_ABSOLUTE) return false;
  *unix_s = time.unix_s;
  return true;
}
