#include "upstream/first.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds look_again{1};

}  // namespace

std::size_t First::pick(const Choice& choice) {
  if (choice.now() - looked_ >= look_again) {
    from_ = 0;
    looked_ = choice.now();
  }
  bool all_full = true;  // up to here: those that were tried may have room for others
  for (std::size_t index = from_; index < choice.size(); ++index) {
    if (choice.may(index)) return index;
    all_full = all_full && !choice.was_tried(index);
    if (all_full) from_ = index + 1;
  }
  for (std::size_t index = 0; index < std::min(from_, choice.size()); ++index) {
    if (choice.may(index)) {
      from_ = index;
      return index;
    }
  }
  return no_peer;
}

}  // namespace weir
