/* error.c: each code has its name and text, and any other number has some. */
#include "check.h"
#include "smpp/error.h"

#define ROW(code, number, name, text)                           \
  CHECK(SMPP_ERR_##code == (number));                           \
  CHECK(strcmp(smpp_error_name(SMPP_ERR_##code), name) == 0);   \
  CHECK(strcmp(smpp_error_text(SMPP_ERR_##code), text) == 0);

int main(void) {
  SMPP_ERRORS(ROW)
  CHECK(strcmp(smpp_error_name(0), "ok") == 0);
  for (int error = -100; error <= 100; error++) CHECK(smpp_error_name(error) != NULL && smpp_error_text(error) != NULL);
  return report();
}
