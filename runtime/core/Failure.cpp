// Formatting of error messages; bounded, and never a failure of its own.
#include "runtime/core/Failure.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace tl {

void fail(tl_status status, const char *format, ...) {
  char text[sizeof(tl_error::message)];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Failure{status, text};
}

tl_status report(tl_error *error, tl_status status, const char *message) {
  if (error) {
    error->status = status;
    size_t length = strnlen(message, sizeof error->message - 1);
    memcpy(error->message, message, length);
    error->message[length] = 0;
  }
  return status;
}

void requireArgument(const void *pointer, const char *name) {
  if (!pointer)
    fail(TL_STATUS_INVALID_ARGUMENT, "%s must not be NULL", name);
}

} // namespace tl
