// The program that a fuzz input is: "@", a letter, its arguments, its payload, up to the next "@"
// ("@@" in a payload is one). Any bytes are a program; what a letter means is in world.cc.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace weir::fuzz {

struct Op {
  char letter = 0;             // lower case
  bool settle = false;         // it was upper case: afterwards the loop turns until nothing moves
  std::string_view arguments;  // raw, all behind the letter

  // The argument at `place` as a small number, 0 where there is none.
  unsigned digit(std::size_t place) const;
  std::size_t bytes(std::size_t place) const;               // 0 to 256 KiB
  std::chrono::milliseconds span(std::size_t place) const;  // 0 to 10 min
  std::string text(std::size_t place) const;                // from there on, as payload
};

class Script {
 public:
  explicit Script(std::string_view program) : rest_(program) {}
  bool next(Op& op);

 private:
  std::string_view rest_;
};

}  // namespace weir::fuzz
