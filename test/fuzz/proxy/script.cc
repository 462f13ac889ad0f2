#include "test/fuzz/proxy/script.h"

#include <array>

namespace weir::fuzz {

bool Script::next(Op& op) {
  for (;;) {
    const auto start = rest_.find('@');
    if (start == rest_.npos || start + 1 >= rest_.size()) return false;
    const char letter = rest_[start + 1];
    rest_.remove_prefix(start + 2);
    if (letter == '@') continue;
    std::size_t end = 0;
    while (end < rest_.size() && (rest_[end] != '@' || rest_.substr(end, 2) == "@@"))
      end += rest_[end] == '@' ? 2 : 1;
    op.arguments = rest_.substr(0, end);
    rest_.remove_prefix(op.arguments.size());
    op.settle = letter >= 'A' && letter <= 'Z';
    op.letter = op.settle ? static_cast<char>(letter + 32) : letter;
    return true;
  }
}

unsigned Op::digit(std::size_t place) const {
  if (place >= arguments.size()) return 0;
  const char c = arguments[place];
  return c >= 'a' ? static_cast<unsigned>(c - 'a') + 10 : static_cast<unsigned>(c) & 15;
}

std::size_t Op::bytes(std::size_t place) const {
  constexpr std::array<std::size_t, 13> table = {0,   1,    2,    3,     5,     16,    17,
                                                 100, 1000, 4096, 16384, 65536, 262144};
  return table[digit(place) % table.size()];
}

std::chrono::milliseconds Op::span(std::size_t place) const {
  constexpr std::array<int, 11> table = {0,    10,   50,    100,   500,    990,
                                         1000, 2000, 10000, 70000, 600'000};
  return std::chrono::milliseconds(table[digit(place) % table.size()]);
}

std::string Op::text(std::size_t place) const {
  std::string out;
  for (std::size_t i = place; i < arguments.size(); ++i) {
    out += arguments[i];
    if (arguments[i] == '@') ++i;
  }
  return out;
}

}  // namespace weir::fuzz
