// The stages of an exchange: what happens between a request's head and its answer, in order, in one
// table. A stage either lets the request go on, sends it back to look for its location anew
// (rewrite), or answers it.
#pragma once

#include <string_view>

namespace weir {

class Exchange;

enum class Next : unsigned char {
  go_on,
  relocate,  // the path was rewritten: from the stage that finds the location
  answered,
};

struct Stage {
  std::string_view name;
  Next (*run)(Exchange& exchange);
};

// Runs all of them, until one answers.
void run_stages(Exchange& exchange);

}  // namespace weir
