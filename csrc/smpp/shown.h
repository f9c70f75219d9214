/* shown.h - escapes untrusted octets for terminals and logs: whatever these
 * would interpret instead of showing it (controls, escape sequences, a change of
 * direction), and malformed UTF-8, becomes a visible escape. */
#ifndef SMPP_SHOWN_H
#define SMPP_SHOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smpp_shown_as {
  SMPP_SHOWN_PLAIN,  /* on one line */
  SMPP_SHOWN_QUOTED, /* for use in quotes: quotes and backslashes are escaped, too */
  SMPP_SHOWN_LINES,  /* line feeds and tabs stay */
  SMPP_SHOWN_STYLED  /* and so do sequences that only change colours: ESC [ digits m */
};

/* The room that |out| below needs. */
static inline size_t smpp_shown_bound(size_t length) { return 4 * length; }

/* Writes what is shown for |octets|; returns how many octets that are. */
size_t smpp_shown(const uint8_t *octets, size_t length, enum smpp_shown_as as, uint8_t *out);

/* How many octets at the beginning are well-formed UTF-8. */
size_t smpp_utf8_prefix(const uint8_t *octets, size_t length);

#endif
