#include "error.h"

const char *smpp_error_name(int error) {
  switch (error) {
#define NAME(code, number, name, text) \
  case number:                         \
    return name;
    SMPP_ERRORS(NAME)
#undef NAME
    default:
      return "ok";
  }
}

const char *smpp_error_text(int error) {
  switch (error) {
#define TEXT(code, number, name, text) \
  case number:                         \
    return text;
    SMPP_ERRORS(TEXT)
#undef TEXT
    default:
      return "no error";
  }
}
