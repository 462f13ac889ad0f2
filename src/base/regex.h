// Regex: a compiled PCRE2 pattern (JIT where the machine allows): of location paths, rewrites,
// health checks.
//
// Bytes, not characters; case-sensitive. Bounded: a pattern that backtracks without end on some
// input is stopped by the match limit and reported, never taken for "no match", which could open
// what a location closes. Not for use by two threads: the match block belongs to the pattern.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

// The groups of the last match, as views into its subject; [0] is the whole match. What did not
// take part is empty.
struct Captures {
  std::array<std::string_view, 10> group{};
};

class Regex {
 public:
  // An error's text is PCRE2's own, with the offset; in `message`, for people.
  static Result<Regex> compile(std::string_view pattern, std::string& message);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  Result<bool> match(std::string_view subject, Captures& captures) const;
  std::size_t groups() const;  // without [0]

 private:
  struct State;
  explicit Regex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir
