/* relay.h - receipts that are passed on: the handle under which a gateway remembers a message until its receipt comes, and the
 * deliver_sm of a carrier as its customer gets it.
 *
 * A handle is text: its fields in the order below with a NUL between them, numbers in decimal, so that Lua reads and writes it, too. */
#ifndef SMPP_RELAY_H
#define SMPP_RELAY_H

#include "pdu.h"

#define SMPP_RELAY_FIELDS(F)                                                                                                 \
  F(ID) F(ACCOUNT) F(SOURCE) F(SOURCE_TON) F(SOURCE_NPI) F(DESTINATION) F(DEST_TON) F(DEST_NPI) F(REGISTERED_DELIVERY) F(SUBMITTED) F(BOOKS)

#define SMPP_RELAY_ENUM(name) SMPP_RELAY_##name,
enum smpp_relay_field { SMPP_RELAY_FIELDS(SMPP_RELAY_ENUM) SMPP_RELAY_FIELD_COUNT };
#undef SMPP_RELAY_ENUM

struct smpp_relay {
  struct smpp_relay_text {
    const uint8_t *octets;
    size_t length;
  } field[SMPP_RELAY_FIELD_COUNT];
};

enum { SMPP_HANDLE_ROOM = 1024 };

/* Writes the handle of a submit_sm or data_sm: id, account and books are the caller's, all else is the PDU's.  |submitted|: Unix time.
 * Returns its length; 0: the PDU has no such parameters, or there is too little room. */
size_t smpp_relay_handle(const struct smpp_pdu *pdu, const struct smpp_relay_text *id, const struct smpp_relay_text *account,
                         const struct smpp_relay_text *books, double submitted, uint8_t out[SMPP_HANDLE_ROOM]);

/* Reads a handle; what it has is borrowed.  False: malformed. */
bool smpp_relay_read(const uint8_t *handle, size_t length, struct smpp_relay *out);

/* Writes a receipt for the sender of a message: as it came, with the message's own id and addresses.  Returns its length; 0: it is
 * for the general way, since it is not a whole deliver_sm whose text begins with "id:" and whose id is there and in
 * receipted_message_id only, or the new one does not fit. */
size_t smpp_relay_receipt(const struct smpp_pdu *pdu, const struct smpp_relay *message, uint8_t *out, size_t capacity);

#endif
