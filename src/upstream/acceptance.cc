#include "upstream/acceptance.h"

#include <fmt/format.h>

namespace weir {

Acceptance::Outcome Acceptance::trouble(std::string_view why) {
  if (trouble_ == why) return {Verdict::refused, {}};
  trouble_ = why;
  return {Verdict::refused, accepted_.empty()
                                ? fmt::format("{}: no peers yet", why)
                                : fmt::format("{}: the last {} peers stay", why, accepted_.size())};
}

Acceptance::Outcome Acceptance::judge(FoundSet answer, clock::Monotonic now) {
  if (answer.empty()) return trouble("an empty set");
  if (answer == accepted_) {
    held_.clear();
    answered_ = true;
    const bool was_ill = !trouble_.empty();
    trouble_.clear();
    return {Verdict::same, was_ill ? "well again, nothing has changed" : ""};
  }
  if (answer.size() * 2 > accepted_.size()) return accept(std::move(answer));
  if (answer == held_) return accept(std::move(answer));
  const bool first = held_.empty();
  if (first) held_since_ = now;
  if (now - held_since_ >= held_most) return accept(std::move(answer));
  held_ = std::move(answer);
  trouble_.clear();
  return {Verdict::held, first ? fmt::format("only {} of {} peers: held until confirmed",
                                             held_.size(), accepted_.size())
                               : ""};
}

Acceptance::Outcome Acceptance::accept(FoundSet answer) {
  std::string say = fmt::format("{} ({} peers)", difference(accepted_, answer), answer.size());
  accepted_ = std::move(answer);
  held_.clear();
  trouble_.clear();
  answered_ = true;
  return {Verdict::accepted, std::move(say)};
}

}  // namespace weir
