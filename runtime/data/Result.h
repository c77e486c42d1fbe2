// What a call of the data library gives back: a value, or a message for the
// user. No exceptions cross this library's headers, it never prints, and a
// message is a lower-case sentence without a full stop that says what was
// expected and what was found; whoever knows the file's name puts it in front.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace tl::data {

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

} // namespace tl::data
