/* receipt.h - the text form of delivery receipts (v3.4 appendix B, and what
 * message centres make of it), message states, and message ids in two bases.
 *
 *   id:0123456789 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hello
 */
#ifndef SMPP_RECEIPT_H
#define SMPP_RECEIPT_H

#include <stdbool.h>

#include "error.h"

/* enumerator, key in the text, name in Lua */
#define SMPP_RECEIPT_KEYS(K)                 \
  K(ID, "id", "id")                          \
  K(SUB, "sub", "sub")                       \
  K(DLVRD, "dlvrd", "dlvrd")                 \
  K(SUBMIT_DATE, "submit date", "submit_date") \
  K(DONE_DATE, "done date", "done_date")     \
  K(STAT, "stat", "stat")                    \
  K(ERR, "err", "err")                       \
  K(TEXT, "text", "text")

#define SMPP_RECEIPT_ENUM(key, text, name) SMPP_RECEIPT_##key,
enum smpp_receipt_key { SMPP_RECEIPT_KEYS(SMPP_RECEIPT_ENUM) SMPP_RECEIPT_KEY_COUNT };
#undef SMPP_RECEIPT_ENUM

struct smpp_receipt_field {
  const uint8_t *octets; /* NULL: the key is not there; borrowed from the text */
  size_t length;
};

/* A key that is not of the standard (mcc, mnc, price), without its colon. */
struct smpp_receipt_extra {
  struct smpp_receipt_field key, value;
};

enum { SMPP_RECEIPT_EXTRAS = 16, SMPP_RECEIPT_EXTRA_MAX = 32 /* octets of such a key */ };

struct smpp_receipt {
  struct smpp_receipt_field field[SMPP_RECEIPT_KEY_COUNT];
  struct smpp_receipt_extra extra[SMPP_RECEIPT_EXTRAS]; /* the first ones, as they stand */
  unsigned extra_count;
};

/* Finds the keys in a text of one octet per character, in any order and case;
 * "submitdate" and "submit_date" are "submit date".  The first of several equal
 * keys counts.  A value ends at white space (but "2026-11-21 12:00" is one date);
 * that of text: goes on to the end, unless the stat: that is still missing follows
 * in it.  Without a text key, what follows err's value is the text, unless it is
 * made of other keys.  Never fails. */
void smpp_receipt_scan(const uint8_t *octets, size_t length, struct smpp_receipt *out);

enum { SMPP_RECEIPT_TEXT_MAX = 254 }; /* octets that a short_message can have */

/* What a receipt's text says by key; the dates' own fields are not read. */
struct smpp_receipt_text {
  struct smpp_receipt_field field[SMPP_RECEIPT_KEY_COUNT];
  int64_t date_s[2]; /* submit date, done date: Unix time in the zone they are written in */
  bool has_date[2];  /* false: zeros */
};

/* Writes the standard's form.  Returns its length, or 0 and in |wrong| the key that cannot be written: an id that is
 * empty, longer than 64 octets or has white space; a stat that is empty or has some; an err that has some; a date
 * outside of 2000 to 2099; TEXT: more than SMPP_RECEIPT_TEXT_MAX octets in all. */
size_t smpp_receipt_write(const struct smpp_receipt_text *receipt, uint8_t out[SMPP_RECEIPT_TEXT_MAX],
                          enum smpp_receipt_key *wrong);

struct smpp_message_state {
  const char *stat; /* in receipt text */
  const char *name; /* of message_state */
  int number;
  bool final; /* nothing follows it; ACCEPTED counts as "at the next hop" */
};

/* By the word of stat:, any case, long names too; NULL when unknown. */
const struct smpp_message_state *smpp_state_by_stat(const uint8_t *octets, size_t length);

/* By the number of message_state; NULL above 9. */
const struct smpp_message_state *smpp_state_by_number(uint32_t number);

#define SMPP_MESSAGE_ID_MAX 65
#define SMPP_REBASED_MAX 80 /* digits that 65 hex digits take in decimal, and one to spare */

/* Writes a hex message id in decimal, or with |to_hex| a decimal one in lower-case
 * hex, without leading zeros and whatever its size.  Returns the digits written, 0
 * when the id is empty, too long or no such number. */
size_t smpp_message_id_rebase(const uint8_t *id, size_t length, bool to_hex, uint8_t out[SMPP_REBASED_MAX]);

/* Octets of a message id up to its first NUL, without blanks at the end. */
size_t smpp_message_id_trim(const uint8_t *id, size_t length);

/* Writes an id as equal ones have it: trimmed, in lower case, without leading zeros, a UUID without its hyphens; "0" when
 * nothing is left.  |out| takes |length| octets, at least one.  |digits|: it has decimal digits only. */
size_t smpp_message_id_fold(const uint8_t *id, size_t length, uint8_t *out, bool *digits);

#define SMPP_NUMBER_DIGITS 8 /* of an address that are kept: enough without its country code */

/* The last digits of an address, behind a 1 that marks their number.  0: no digits, or characters that telephone numbers
 * do not have ("49170****"): the address identifies no message. */
uint32_t smpp_address_number(const uint8_t *address, size_t length);

#endif
