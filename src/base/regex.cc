#include "base/regex.h"

#include <cstdint>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "base/handle.h"

namespace weir {
namespace {

// Far above what a sane pattern needs on an 8 KiB path, some milliseconds at worst.
constexpr std::uint32_t match_limit = 200'000;
constexpr std::uint32_t heap_limit_kib = 1024;

}  // namespace

struct Regex::State {
  Handle<pcre2_code, &pcre2_code_free> code;
  Handle<pcre2_match_data, &pcre2_match_data_free> found;
  Handle<pcre2_match_context, &pcre2_match_context_free> limits;
  std::uint32_t groups = 0;
};

Regex::Regex(std::unique_ptr<State> state) : state_(std::move(state)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, std::string& message) {
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto state = std::make_unique<State>();
  // No \C (splits bytes of nothing here, but breaks JIT), and a pattern can't switch UTF on by
  // itself.
  state->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                  PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
                                  &code, &offset, nullptr));
  if (!state->code) {
    PCRE2_UCHAR text[160];
    pcre2_get_error_message(code, text, sizeof text);
    message = fmt::format("{} at offset {}", reinterpret_cast<const char*>(text), offset);
    return Error{Side::self, "the regular expression does not compile"};
  }
  // Without JIT (no memory to be written and executed) the interpreter serves.
  (void)pcre2_jit_compile(state->code.get(), PCRE2_JIT_COMPLETE);
  pcre2_pattern_info(state->code.get(), PCRE2_INFO_CAPTURECOUNT, &state->groups);
  state->found.reset(pcre2_match_data_create(10, nullptr));
  state->limits.reset(pcre2_match_context_create(nullptr));
  assert(state->found && state->limits);
  pcre2_set_match_limit(state->limits.get(), match_limit);
  pcre2_set_heap_limit(state->limits.get(), heap_limit_kib);
  return Regex(std::move(state));
}

Result<bool> Regex::match(std::string_view subject, Captures& captures) const {
  const int found = pcre2_match(state_->code.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                                subject.size(), 0, 0, state_->found.get(), state_->limits.get());
  if (found == PCRE2_ERROR_NOMATCH) return false;
  if (found < 0) return Error{Side::self, "a regular expression reached its match limit"};
  const PCRE2_SIZE* at = pcre2_get_ovector_pointer(state_->found.get());
  const std::size_t count = found == 0 ? captures.group.size() : static_cast<std::size_t>(found);
  captures = Captures{};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = at[2 * i], end = at[2 * i + 1];
    if (begin == PCRE2_UNSET || end < begin) continue;  // \K in a lookahead can turn them round
    captures.group[i] = subject.substr(begin, end - begin);
  }
  return true;
}

std::size_t Regex::groups() const { return state_->groups; }

}  // namespace weir
