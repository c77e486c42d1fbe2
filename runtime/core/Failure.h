// How the inside reports errors: it throws a Failure, and every function of
// runtime.h turns it into a tl_status and a tl_error at the boundary. One
// mechanism inside keeps the checks short; none crosses the C ABI.
#pragma once

#include <tl/runtime.h>

#include <exception>
#include <new>
#include <string>

namespace tl {

struct Failure {
  tl_status status;
  std::string message;
};

[[noreturn, gnu::format(printf, 2, 3)]] void fail(tl_status status,
                                                  const char *format, ...);

// Fills `error` (may be NULL) and gives the status back.
tl_status report(tl_error *error, tl_status status, const char *message);

// Runs `body`; whatever it throws becomes a status.
template <typename Body> tl_status guarded(tl_error *error, Body body) {
  try {
    body();
    return TL_STATUS_OK;
  } catch (const Failure &failure) {
    return report(error, failure.status, failure.message.c_str());
  } catch (const std::bad_alloc &) {
    return report(error, TL_STATUS_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception &exception) {
    return report(error, TL_STATUS_INTERNAL, exception.what());
  }
}

// The size of an options struct that the caller's program knows of.
template <typename Options> Options readOptions(const Options *given) {
  Options options{};
  options.size = sizeof(Options);
  if (!given)
    return options;
  if (given->size < sizeof(size_t))
    fail(TL_STATUS_INVALID_ARGUMENT,
         "the options' size is %zu: set it to sizeof the struct", given->size);
  size_t known = given->size < sizeof(Options) ? given->size : sizeof(Options);
  __builtin_memcpy(static_cast<void *>(&options), given, known);
  return options;
}

// "NAME must not be NULL"
void requireArgument(const void *pointer, const char *name);

} // namespace tl
