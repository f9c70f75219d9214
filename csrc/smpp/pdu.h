/* pdu.h - one PDU: octets -> where its values are, values -> octets.
 *
 * Decoding never copies and never fails if the header is complete: it records
 * where each parameter is, as far as the octets go, and the problems.
 * Encoding refuses everything that SMPP does not allow and reports the field. */
#ifndef SMPP_PDU_H
#define SMPP_PDU_H

#include "protocol.h"
#include "wire.h"

/* A message_payload of 65535 octets and the rest of a submit_sm fit in. */
#define SMPP_PDU_MAX_DEFAULT 131072u

/* ---- framing ---- */

/* Checks for a complete PDU at |octets|.  0: yes, |*length| is its command_length.
 * SMPP_ERR_TRUNCATED: more octets are needed (|*length| is 0 while unknown).
 * SMPP_ERR_BAD_LENGTH: command_length is below 16 or above |max|; the stream is lost. */
SMPP_MUST_CHECK int smpp_pdu_frame(const uint8_t *octets, size_t available, size_t max,
                                   uint32_t *length);

/* ---- decoding ---- */

/* Faults that a session can be told to tolerate. */
enum {
  SMPP_TOLERATE_OVERLONG = 1,     /* strings longer than their limit */
  SMPP_TOLERATE_UNTERMINATED = 2, /* a string without its NUL at the end of the PDU */
  SMPP_TOLERATE_STRAY = 4,        /* trailing octets after the parameters that are not TLVs */
  SMPP_TOLERATE_LONG_PASSWORD = 8
};

/* Parameters are looked for in so many octets of a PDU, more than any valid ones take: where they lie fits 16 bits. */
enum { SMPP_PARAMS_OCTETS_MAX = 0xFFFF };

struct smpp_span {
  uint16_t offset, length; /* from the first octet of the PDU */
};

struct smpp_pdu {
  const uint8_t *octets; /* borrowed */
  uint32_t length;       /* command_length */
  uint32_t id, status, sequence;
  const struct smpp_command *command; /* NULL: not in the tables */
  uint32_t refuse;     /* status that answers its first fault, 0: none */
  uint32_t tlv_offset; /* first octet after the parameters */
  uint32_t tlv_end;    /* first octet after the last complete TLV */
  uint8_t param_count; /* parameters found */
  /* Values: strings without NUL, texts without sm_length, lists without count. */
  struct smpp_span params[SMPP_PARAMS_MAX];
};

/* |length| octets that smpp_pdu_frame found.  |tolerate|: set of SMPP_TOLERATE_..,
 * faults that do not set |refuse|.  |declared|: commands outside the tables, or NULL;
 * |pdu| points to its command, so these must outlive it. */
void smpp_pdu_decode(const uint8_t *octets, uint32_t length, unsigned tolerate,
                     const struct smpp_declared *declared, struct smpp_pdu *pdu);

/* The number at a parameter of kind U8, U16 or U32. */
uint32_t smpp_pdu_number(const struct smpp_pdu *pdu, unsigned position);

struct smpp_tlv {
  uint16_t tag;
  uint16_t length;
  const uint8_t *octets;
};

/* Next TLV at or after |*offset|, which starts as pdu->tlv_offset; false after the last. */
bool smpp_pdu_next_tlv(const struct smpp_pdu *pdu, uint32_t *offset, struct smpp_tlv *tlv);

/* First TLV with this tag. */
bool smpp_pdu_find_tlv(const struct smpp_pdu *pdu, uint32_t tag, struct smpp_tlv *tlv);

/* One entry of a list parameter. */
struct smpp_list_item {
  uint8_t dest_flag; /* 1 address, 2 distribution list; 0 where the list has no flags */
  uint8_t ton, npi;
  const char *text; /* address, list name or message_id */
  uint32_t text_length;
  uint32_t status; /* error_status_code of unsuccess_sme */
};

/* Next entry of the list at |position|; |*offset| starts at 0.  False after the last whole one. */
bool smpp_pdu_next_item(const struct smpp_pdu *pdu, unsigned position, uint32_t *offset,
                        struct smpp_list_item *item);

enum smpp_severity {
  SMPP_NOTE,    /* harmless */
  SMPP_WARNING, /* tolerated unless strict */
  SMPP_FAULT    /* a receiver refuses a request with this status */
};

struct smpp_problem {
  const char *code;  /* truncated too_long unterminated bad_length bad_value missing ... */
  const char *field; /* parameter or TLV name, NULL: none */
  uint32_t tag;      /* of a TLV outside the tables */
  uint32_t offset;
  uint32_t status; /* that strict reading refuses it with, 0: allowed by the standard */
  enum smpp_severity severity;
  const char *text;
};

/* Fills at most |max| problems in wire order; returns how many there are in all. */
size_t smpp_pdu_problems(const struct smpp_pdu *pdu, struct smpp_problem *out, size_t max);

/* ---- encoding ---- */

enum smpp_value_is {
  SMPP_ABSENT = 0, /* 0 or empty */
  SMPP_NUMBER,
  SMPP_STRING, /* octets, without NUL or length octet */
  SMPP_LIST,   /* |items|, |length| of them */
  SMPP_WIRE    /* octets as on the wire, taken as they are */
};

struct smpp_value {
  uint8_t is;
  uint32_t number;
  uint32_t length;
  const uint8_t *octets;
  const struct smpp_list_item *items;
};

struct smpp_tlv_out {
  uint16_t tag;
  uint32_t length;
  const uint8_t *octets;
};

struct smpp_message {
  const struct smpp_command *command;
  uint32_t id; /* of &smpp_unknown_command, else ignored */
  uint32_t status, sequence;
  uint8_t version; /* interface_version whose limits hold; 0: the widest of all */
  unsigned tolerate; /* SMPP_TOLERATE_LONG_PASSWORD: carriers give out longer ones */
  bool has_body; /* the parameters stand even when the status is not 0 and all of them are absent */
  struct smpp_value params[SMPP_PARAMS_MAX];
  const struct smpp_tlv_out *tlvs;
  size_t tlv_count;
  const uint8_t *padding; /* octets before the TLVs: the NUL that some peers write behind short_message */
  size_t padding_length;
  const uint8_t *trailing; /* octets behind the TLVs, as some peers send them */
  size_t trailing_length;
};

/* The invalid field, its value and the limit. */
struct smpp_fault {
  const char *field;
  uint32_t tag; /* when |field| is NULL */
  uint32_t got, limit;
  const char *text; /* the unit of |got| and |limit|: "octets", "entries" ... or the whole reason */
};

/* Writes the PDU.  With status not 0, no parameter and no TLV: the header only, unless
 * |has_body|.  On an error |w| is as before. */
SMPP_MUST_CHECK int smpp_pdu_encode(const struct smpp_message *message, struct smpp_writer *w,
                                    struct smpp_fault *fault);

/* Just a header: responses without parameters, enquire_link, unbind ... */
static inline void smpp_write_header(uint8_t out[SMPP_HEADER_OCTETS], uint32_t length, uint32_t id,
                                     uint32_t status, uint32_t sequence) {
  smpp_set_u32(out, length);
  smpp_set_u32(out + 4, id);
  smpp_set_u32(out + 8, status);
  smpp_set_u32(out + 12, sequence);
}

#endif
