// How a verb of tlrun ends early: an exception with the exit code and the text
// that main prints behind "tlrun: error: ". Exceptions stay inside this folder;
// the libraries below report by value.
#pragma once

#include "runtime/data/Result.h"

#include <stdexcept>
#include <string>
#include <tl/runtime.h>

namespace tl::tools {

enum ExitCode { exitUser = 1, exitBug = 2, exitInterrupted = 130 };

struct Failure : std::runtime_error {
  explicit Failure(const std::string &message, ExitCode code = exitUser)
      : std::runtime_error(message), code(code) {}
  ExitCode code;
};

// Unwraps what the data library gives.
template <typename T> T take(data::Result<T> result) {
  if (!result)
    throw Failure(result.message());
  return std::move(*result);
}

// The failure that a status of runtime.h stands for.
inline Failure makeFailure(const tl_error &error) {
  bool bug = error.status == TL_STATUS_INTERNAL;
  return Failure(error.message, bug ? exitBug : exitUser);
}

// Calls a function of runtime.h with a place for its error:
//   call([&](tl_error *e) { return tl_model_export(model, path, e); });
template <typename Function> void call(Function function) {
  tl_error error{};
  if (function(&error) != TL_STATUS_OK)
    throw makeFailure(error);
}

// Text on stderr, as it is.
void say(const std::string &text);

// "tlrun: warning: ..." on stderr.
void warn(const std::string &message);

} // namespace tl::tools
