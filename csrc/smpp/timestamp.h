/* timestamp.h - SMPP's absolute and relative times, and the dates of receipts.
 *
 * Unix times are whole seconds UTC; no C library time zone is asked.  A time of
 * two year digits lies in the hundred years from |first_year| on: 2000 unless
 * the caller knows better (v3.4 appendix C: 1938). */
#ifndef SMPP_TIMESTAMP_H
#define SMPP_TIMESTAMP_H

#include <stdbool.h>

#include "error.h"

#define SMPP_TIMESTAMP_OCTETS 16 /* YYMMDDhhmmsstnnp, without the NUL */

enum smpp_timestamp_kind {
  SMPP_TIME_NONE,     /* an empty field */
  SMPP_TIME_ABSOLUTE, /* ends in + or -, or YYMMDDhhmmss: local time of the MC */
  SMPP_TIME_RELATIVE  /* ends in R */
};

struct smpp_timestamp {
  enum smpp_timestamp_kind kind;
  /* absolute */
  int64_t unix_s;
  unsigned tenths;
  int quarters; /* quarter hours ahead of UTC, -48 to 48 */
  bool zoned;   /* false: the field named no offset, |zone_s| was taken */
  /* relative: calendar steps, then seconds */
  unsigned years, months;
  uint32_t rest_s; /* days, hours, minutes and seconds */
};

struct smpp_timestamp_rules {
  int first_year;
  int32_t zone_s; /* seconds ahead of UTC of times that name no offset */
  bool lenient;   /* take a lower-case r, second 60 as 59, and only zeros as no time */
};

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
int64_t smpp_days_from_civil(int64_t year, unsigned month, unsigned day);
void smpp_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* Unix time of a civil time UTC; false unless there is such a time. */
bool smpp_unix_time(int year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second,
                    int64_t *unix_s);

/* The number in |count| digits (at most 9), or -1. */
int32_t smpp_digits(const uint8_t *octets, unsigned count);

/* Reads a field of 0, 12 or 16 characters; one NUL after them is left out.
 * SMPP_ERR_BAD_LENGTH, SMPP_ERR_BAD_VALUE (no digits, no such time, offset above
 * 12 hours). */
SMPP_MUST_CHECK int smpp_timestamp_read(const uint8_t *octets, size_t length,
                                        const struct smpp_timestamp_rules *rules, struct smpp_timestamp *out);

/* Writes 16 characters (none for SMPP_TIME_NONE; no NUL) and sets |length|.
 * SMPP_ERR_BAD_VALUE: a year outside the hundred from |first_year|, tenths or
 * quarters out of range, or more than 99 years, months or days. */
SMPP_MUST_CHECK int smpp_timestamp_write(const struct smpp_timestamp *time, int first_year,
                                         uint8_t out[SMPP_TIMESTAMP_OCTETS], size_t *length);

/* The moment a relative time means, counted from |unix_s|: calendar years and
 * months first (a day the month lacks becomes its last), then the rest. */
int64_t smpp_timestamp_after(const struct smpp_timestamp *relative, int64_t unix_s);

/* Reads a receipt's date: YYMMDDhhmm, YYMMDDhhmmss (or YYYYMMDDhhmm where that is
 * no time), YYYYMMDDhhmmss, ISO 8601, or an absolute time.  False: no date, or no such time. */
bool smpp_receipt_date(const uint8_t *octets, size_t length, const struct smpp_timestamp_rules *rules,
                       int64_t *unix_s);

#endif
