// Result: the one way in which an operating error is reported.
//
// An Error names who is to blame, because status code, log level and whether a retry is safe follow
// from that. `what` is a literal (or text that outlives the error): failing never allocates.
#pragma once

#include <cassert>
#include <string_view>
#include <utility>
#include <variant>

namespace weir {

enum class Side : unsigned char { client, upstream, self };

struct Error {
  Side side;
  std::string_view what;
};

struct Ok {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, error) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() {
    assert(*this);
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const {
    assert(*this);
    return *std::get_if<0>(&state_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const Error& error() const {
    assert(!*this);
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

}  // namespace weir
