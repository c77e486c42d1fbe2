// What a call of the weight readers gives back: a value, or a message for the
// user. No exceptions cross these headers and nothing is printed. A message is
// lower case, without a full stop, says what was expected and what was found,
// and already names the file. (The compiler's own llvm::Expected is not used,
// so that the readers build and are tested without LLVM.)
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace tl::weights {

struct Error {
  std::string message;
};

template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() { return std::get<0>(state); }
  const T &operator*() const { return std::get<0>(state); }
  T *operator->() { return &std::get<0>(state); }
  const T *operator->() const { return &std::get<0>(state); }

  const std::string &message() const { return std::get<1>(state).message; }
  Error error() const { return std::get<1>(state); }

private:
  std::variant<T, Error> state;
};

// For calls that give nothing back.
struct Done {};
using Status = Result<Done>;

} // namespace tl::weights
