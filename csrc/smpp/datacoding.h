/* datacoding.h - the data_coding octet: alphabet, message class, waiting indication.
 *
 * 0x00-0x0F mean what SMPP says; 0x10-0x7F, which SMPP leaves open, are read as
 * the GSM data coding scheme (3GPP TS 23.038) groups 00 and 01; 0x80-0xBF are
 * reserved and read as the default alphabet; 0xC0-0xFF are GSM groups C to F. */
#ifndef SMPP_DATACODING_H
#define SMPP_DATACODING_H

#include "charset.h"

enum smpp_mwi { SMPP_MWI_VOICEMAIL, SMPP_MWI_FAX, SMPP_MWI_EMAIL, SMPP_MWI_OTHER };

struct smpp_data_coding {
  enum smpp_encoding encoding; /* SMPP_GSM7 also stands for the peer's default alphabet */
  bool is_default;             /* 0x00, or a reserved value: the peer's default alphabet */
  bool reserved;               /* a value or alphabet that no standard defines */
  bool compressed;             /* 23.042: cannot be read without decompressing */
  bool auto_delete;            /* group 01: to be deleted once read */
  int message_class;           /* 0 flash, 1 ME, 2 SIM, 3 TE; -1 none */
  bool mwi;                    /* a waiting indication: the three below count */
  bool mwi_active, mwi_store;
  enum smpp_mwi mwi_type;
};

struct smpp_data_coding smpp_data_coding_read(uint8_t octet);

/* The octet that sends |encoding| with a message class (0 to 3), or -1: only
 * gsm7, ucs2 and binary have one. */
int smpp_data_coding_with_class(enum smpp_encoding encoding, unsigned message_class);

#endif
