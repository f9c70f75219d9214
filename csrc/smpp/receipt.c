#include "receipt.h"

#include <string.h>

#include "timestamp.h"

static const struct {
  const char *text;
  size_t length;
  enum smpp_receipt_key key;
} keys[] = {
#define ROW(key, text, name) {text ":", sizeof text, SMPP_RECEIPT_##key},
    SMPP_RECEIPT_KEYS(ROW)
#undef ROW
    /* other spellings */
    {"submitdate:", 11, SMPP_RECEIPT_SUBMIT_DATE},
    {"submit_date:", 12, SMPP_RECEIPT_SUBMIT_DATE},
    {"donedate:", 9, SMPP_RECEIPT_DONE_DATE},
    {"done_date:", 10, SMPP_RECEIPT_DONE_DATE},
};

enum { SPELLINGS = sizeof keys / sizeof *keys };

/* Some peers leave NULs between or behind the values. */
static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == 0; }

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c; }

static bool is_letter(uint8_t c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

static bool equal_nocase(const uint8_t *octets, const char *word, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (lower(octets[i]) != lower((uint8_t)word[i])) return false;
  }
  return true;
}

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
  while (p < end && is_space(*p)) p++;
  return p;
}

static const uint8_t *skip_word(const uint8_t *p, const uint8_t *end) {
  while (p < end && !is_space(*p)) p++;
  return p;
}

static const uint8_t *trim(const uint8_t *start, const uint8_t *end) {
  while (end > start && is_space(end[-1])) end--;
  return end;
}

/* The row of the key at |p|, or SPELLINGS. */
static unsigned spelling_at(const uint8_t *p, const uint8_t *end) {
  unsigned row = 0;
  if (p == end || !is_letter(*p)) return SPELLINGS; /* digits of a date or a count, mostly */
  char first = (char)lower(*p); /* keys are in small letters */
  while (row < SPELLINGS && (first != keys[row].text[0] || (size_t)(end - p) < keys[row].length ||
                             !equal_nocase(p, keys[row].text, keys[row].length)))
    row++;
  return row;
}

/* The key at |p|, or SMPP_RECEIPT_KEY_COUNT. */
static unsigned key_at(const uint8_t *p, const uint8_t *end) {
  unsigned row = spelling_at(p, end);
  return row < SPELLINGS ? (unsigned)keys[row].key : SMPP_RECEIPT_KEY_COUNT;
}

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* The length of a key of any name at |p|, without its colon, 0: no key.  "http://" is not a key. */
static size_t any_key_at(const uint8_t *p, const uint8_t *end) {
  const uint8_t *colon = p;
  if (p == end || !is_letter(*p)) return 0;
  while (colon < end && (is_letter(*colon) || is_digit(*colon) || *colon == '_' || *colon == '-')) colon++;
  if (colon == end || *colon != ':' || colon - p > SMPP_RECEIPT_EXTRA_MAX) return 0;
  if (end - colon > 2 && colon[1] == '/' && colon[2] == '/') return 0;
  return (size_t)(colon - p);
}

/* True if everything from |p| on is keys with a value each. */
static bool only_keys(const uint8_t *p, const uint8_t *end) {
  for (; p < end; p = skip_space(skip_word(p, end), end)) {
    size_t length = any_key_at(p, end);
    if (length == 0 || p + length + 1 == end || is_space(p[length + 1])) return false;
  }
  return true;
}

/* The first place from |p| on, at a word's start, with a key of |wanted| (a bit each), or NULL. */
static const uint8_t *find_key(const uint8_t *p, const uint8_t *end, unsigned wanted) {
  for (p = skip_space(p, end); p < end; p = skip_space(skip_word(p, end), end)) {
    if (wanted >> key_at(p, end) & 1u) return p;
  }
  return NULL;
}

/* A stat: and seven capitals in what looked like the message's text, or NULL. */
static const uint8_t *find_state(const uint8_t *p, const uint8_t *end) {
  while ((p = find_key(p, end, 1u << SMPP_RECEIPT_STAT)) != NULL) {
    const uint8_t *word = p + sizeof "stat:" - 1, *stop = skip_word(word, end);
    unsigned capitals = 0;
    while (word + capitals < stop && word[capitals] >= 'A' && word[capitals] <= 'Z') capitals++;
    if (capitals == 7 && word + capitals == stop) return p;
    p = stop;
  }
  return NULL;
}

static void set(struct smpp_receipt *r, unsigned key, const uint8_t *start, const uint8_t *end) {
  r->field[key].octets = start;
  r->field[key].length = (size_t)(end - start);
}

static unsigned missing(const struct smpp_receipt *r) {
  unsigned keys_missing = 0;
  for (unsigned key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    if (r->field[key].octets == NULL) keys_missing |= 1u << key;
  }
  return keys_missing;
}

/* What stands behind a key: its first octet and its end, the same for an empty one. */
static struct smpp_receipt_field value_at(const uint8_t *value, const uint8_t *end, bool is_date) {
  struct smpp_receipt_field out = {value, 0};
  const uint8_t *first = skip_space(value, end), *stop = skip_word(first, end);
  if (key_at(first, end) < SMPP_RECEIPT_KEY_COUNT || (first > value && any_key_at(first, end) > 0)) return out;
  bool has_time = is_date && stop - first == 10 && first[4] == '-' && end - stop >= 6 && stop[0] == ' ' &&
                  is_digit(stop[1]) && is_digit(stop[2]) && stop[3] == ':' && is_digit(stop[4]) && is_digit(stop[5]);
  if (has_time) stop = skip_word(stop + 1, end);
  out.octets = first;
  out.length = (size_t)(stop - first);
  return out;
}

static const uint8_t *add_extra(struct smpp_receipt *r, const uint8_t *p, size_t length, const uint8_t *end) {
  struct smpp_receipt_field value = value_at(p + length + 1, end, false);
  if (r->extra_count < SMPP_RECEIPT_EXTRAS) {
    struct smpp_receipt_extra *extra = &r->extra[r->extra_count++];
    extra->key.octets = p;
    extra->key.length = length;
    extra->value = value;
  }
  return value.octets + value.length;
}

void smpp_receipt_scan(const uint8_t *octets, size_t length, struct smpp_receipt *out) {
  memset(out, 0, sizeof *out);
  if (length == 0) return;
  const uint8_t *end = trim(octets, octets + length);
  const uint8_t *p = skip_space(octets, end);
  bool has_text = find_key(p, end, 1u << SMPP_RECEIPT_TEXT) != NULL;
  unsigned last = SMPP_RECEIPT_KEY_COUNT;
  enum { UNKNOWN, KEYS, WORDS } behind_err = UNKNOWN;
  while (p < end) {
    unsigned row = spelling_at(p, end), key = row < SPELLINGS ? keys[row].key : SMPP_RECEIPT_KEY_COUNT;
    bool is_new = key < SMPP_RECEIPT_KEY_COUNT && out->field[key].octets == NULL;
    size_t extra = key == SMPP_RECEIPT_KEY_COUNT ? any_key_at(p, end) : 0;
    if (key == SMPP_RECEIPT_TEXT && is_new) {
      const uint8_t *text = p + keys[row].length;
      const uint8_t *stat = out->field[SMPP_RECEIPT_STAT].octets == NULL ? find_state(text, end) : NULL;
      unsigned others = missing(out) & ~(1u << SMPP_RECEIPT_TEXT | 1u << SMPP_RECEIPT_STAT);
      const uint8_t *other = stat != NULL ? find_key(text, stat, others) : NULL;
      p = other != NULL ? other : stat != NULL ? stat : end;
      set(out, key, text, trim(text, p));
      last = key;
    } else if (is_new) {
      out->field[key] =
          value_at(p + keys[row].length, end, key == SMPP_RECEIPT_SUBMIT_DATE || key == SMPP_RECEIPT_DONE_DATE);
      p = out->field[key].octets + out->field[key].length;
      last = key;
    } else if (behind_err == UNKNOWN && last == SMPP_RECEIPT_ERR) {
      behind_err = has_text || only_keys(p, end) ? KEYS : WORDS;
      if (behind_err == WORDS && out->field[SMPP_RECEIPT_STAT].octets != NULL) break;
      continue;
    } else if (extra > 0 && behind_err != WORDS) {
      p = add_extra(out, p, extra, end);
    } else {
      p = skip_word(p, end);
    }
    p = skip_space(p, end);
  }
  if (last == SMPP_RECEIPT_ERR && behind_err == WORDS) {
    const uint8_t *rest = out->field[last].octets + out->field[last].length;
    if (rest < end) set(out, SMPP_RECEIPT_TEXT, rest + 1, end);
  }
}

enum { DATE_OCTETS = 10, ID_MAX = 64 }; /* YYMMDDhhmm */

static bool is_word(const struct smpp_receipt_field *field) {
  for (size_t i = 0; i < field->length; i++) {
    if (is_space(field->octets[i])) return false;
  }
  return true;
}

/* A date as ten digits; false: two digits cannot name its year. */
static bool write_date(bool has_date, int64_t unix_s, uint8_t out[SMPP_TIMESTAMP_OCTETS]) {
  struct smpp_timestamp time = {SMPP_TIME_ABSOLUTE, 0, 0, 0, true, 0, 0, 0};
  size_t length;
  memset(out, '0', DATE_OCTETS);
  time.unix_s = unix_s;
  return !has_date || smpp_timestamp_write(&time, 2000, out, &length) == 0;
}

size_t smpp_receipt_write(const struct smpp_receipt_text *receipt, uint8_t out[SMPP_RECEIPT_TEXT_MAX],
                          enum smpp_receipt_key *wrong) {
  struct smpp_receipt_field field[SMPP_RECEIPT_KEY_COUNT];
  uint8_t date[2][SMPP_TIMESTAMP_OCTETS];
  memcpy(field, receipt->field, sizeof field);
  for (unsigned i = 0; i < 2; i++) {
    field[SMPP_RECEIPT_SUBMIT_DATE + i].octets = date[i];
    field[SMPP_RECEIPT_SUBMIT_DATE + i].length = DATE_OCTETS;
  }
  size_t written = 0;
  for (unsigned key = 0; key < SMPP_RECEIPT_KEY_COUNT; key++) {
    *wrong = (enum smpp_receipt_key)key;
    unsigned which = key - SMPP_RECEIPT_SUBMIT_DATE;
    if (which < 2 && !write_date(receipt->has_date[which], receipt->date_s[which], date[which])) return 0;
    if (key != SMPP_RECEIPT_TEXT && !is_word(&field[key])) return 0;
    if (key == SMPP_RECEIPT_ID && (field[key].length == 0 || field[key].length > ID_MAX)) return 0;
    if (key == SMPP_RECEIPT_STAT && field[key].length == 0) return 0;
    *wrong = SMPP_RECEIPT_TEXT;
    size_t space = key == SMPP_RECEIPT_TEXT ? 0 : 1;
    if (keys[key].length + field[key].length + space > SMPP_RECEIPT_TEXT_MAX - written) return 0;
    memcpy(out + written, keys[key].text, keys[key].length);
    written += keys[key].length;
    if (field[key].length > 0) memcpy(out + written, field[key].octets, field[key].length);
    written += field[key].length;
    if (space > 0) out[written++] = ' ';
  }
  return written;
}

/* The row of number n stands at n; then other words for them. */
static const struct smpp_message_state states[] = {
    {"SCHEDLD", "SCHEDULED", 0, false},    {"ENROUTE", "ENROUTE", 1, false},
    {"DELIVRD", "DELIVERED", 2, true},     {"EXPIRED", "EXPIRED", 3, true},
    {"DELETED", "DELETED", 4, true},       {"UNDELIV", "UNDELIVERABLE", 5, true},
    {"ACCEPTD", "ACCEPTED", 6, false},     {"UNKNOWN", "UNKNOWN", 7, false},
    {"REJECTD", "REJECTED", 8, true},      {"SKIPPED", "SKIPPED", 9, true},
    {"FAILED", "UNDELIVERABLE", 5, true},  {"UNDELIVERED", "UNDELIVERABLE", 5, true},
    {"EN_ROUTE", "ENROUTE", 1, false},     {"INVALID", "UNKNOWN", 7, false},
};

enum { STATES = sizeof states / sizeof *states, NUMBERED_STATES = 10 };

const struct smpp_message_state *smpp_state_by_stat(const uint8_t *octets, size_t length) {
  for (size_t i = 0; i < STATES; i++) {
    const struct smpp_message_state *s = &states[i];
    if (strlen(s->stat) == length && equal_nocase(octets, s->stat, length)) return s;
    if (strlen(s->name) == length && equal_nocase(octets, s->name, length)) return s;
  }
  return NULL;
}

const struct smpp_message_state *smpp_state_by_number(uint32_t number) {
  return number < NUMBERED_STATES ? &states[number] : NULL;
}

static int digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Long division: each round divides the number by the new base and leaves its last digit. */
size_t smpp_message_id_rebase(const uint8_t *id, size_t length, bool to_hex, uint8_t out[SMPP_REBASED_MAX]) {
  uint8_t number[SMPP_MESSAGE_ID_MAX];
  const int from = to_hex ? 10 : 16, to = to_hex ? 16 : 10;
  if (length == 0 || length > SMPP_MESSAGE_ID_MAX) return 0;
  for (size_t i = 0; i < length; i++) {
    int d = digit(id[i]);
    if (d < 0 || d >= from) return 0;
    number[i] = (uint8_t)d;
  }
  size_t first = 0, written = 0;
  do {
    int remainder = 0;
    for (size_t i = first; i < length; i++) {
      int n = remainder * from + number[i];
      number[i] = (uint8_t)(n / to);
      remainder = n % to;
    }
    while (first < length && number[first] == 0) first++;
    out[written++] = (uint8_t)"0123456789abcdef"[remainder];
  } while (first < length);
  for (size_t i = 0; i < written / 2; i++) {
    uint8_t swap = out[i];
    out[i] = out[written - 1 - i];
    out[written - 1 - i] = swap;
  }
  return written;
}

size_t smpp_message_id_trim(const uint8_t *id, size_t length) {
  const uint8_t *nul = length == 0 ? NULL : memchr(id, 0, length);
  if (nul != NULL) length = (size_t)(nul - id);
  while (length > 0 && id[length - 1] == ' ') length--;
  return length;
}

/* Hex digits in five groups between hyphens, of whatever lengths. */
static bool is_uuid(const uint8_t *id, size_t length) {
  unsigned hyphens = 0;
  if (length != 36 || id[0] == '-' || id[length - 1] == '-') return false;
  for (size_t i = 0; i < length; i++) {
    uint8_t c = id[i];
    if (c == '-' && id[i - 1] != '-') hyphens++;
    else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
  }
  return hyphens == 4;
}

size_t smpp_message_id_fold(const uint8_t *id, size_t length, uint8_t *out, bool *digits) {
  size_t n = 0;
  length = smpp_message_id_trim(id, length);
  bool uuid = is_uuid(id, length);
  *digits = true;
  for (size_t i = 0; i < length; i++) {
    uint8_t c = id[i];
    if (uuid && c == '-') continue;
    if (n == 1 && out[0] == '0') n = 0; /* a leading zero */
    out[n++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
    if (c < '0' || c > '9') *digits = false;
  }
  if (n == 0) out[n++] = '0';
  return n;
}

uint32_t smpp_address_number(const uint8_t *address, size_t length) {
  uint8_t digits[SMPP_NUMBER_DIGITS];
  size_t n = 0;
  for (size_t i = 0; i < length; i++) {
    uint8_t c = address[i];
    if (c >= '0' && c <= '9') {
      if (n == 0 && c == '0') continue; /* a national or international prefix */
      digits[n++ % SMPP_NUMBER_DIGITS] = (uint8_t)(c - '0');
    } else if (c == 0 || strchr("+-. ()", c) == NULL) {
      return 0;
    }
  }
  if (n == 0) return 0;
  size_t kept = n < SMPP_NUMBER_DIGITS ? n : SMPP_NUMBER_DIGITS;
  uint32_t number = 1;
  for (size_t i = n - kept; i < n; i++) number = number * 10 + digits[i % SMPP_NUMBER_DIGITS];
  return number;
}
