/* Any octets are read as a record without a look behind their end; what is found lies between it and its start. */
#include <stdlib.h>

#include "smpp/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct smpp_record_in in = smpp_record_in(data, size);
  while (in.at != in.end && !in.is_bad) {
    const uint8_t *from = in.at;
    if (smpp_record_take_octet(&in) == 0) smpp_record_skip_value(&in, smpp_record_take_octet(&in));
    smpp_record_skip_value(&in, smpp_record_take_octet(&in));
    if (in.at <= from || in.at > data + size) abort();
  }
  for (unsigned place = 0; place < 4; place++) {
    size_t length;
    double number = 0;
    const char *string = smpp_record_string(data, size, (uint8_t)place, &length);
    if (string != NULL && ((const uint8_t *)string < data || length > size || (const uint8_t *)string + length > data + size)) abort();
    struct smpp_record_in found = smpp_record_in(data, size);
    (void)smpp_record_take_number(&found, smpp_record_find(&found, (uint8_t)place), &number);
  }
  return 0;
}
