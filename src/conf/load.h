// load(): from files to a Config, or to the whole list of what is wrong with them.
//
// Pure but for its Inputs: no socket is bound, nothing is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conf/inputs.h"
#include "conf/model.h"

namespace weir::conf {

enum class Severity : unsigned char { warning, error };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;             // empty: no particular place
  std::uint32_t line = 0;       // 0: the file as a whole
  std::uint32_t column = 0;     // of the caret, from 1; 0: no caret
  std::string text;             // one line, without a full stop
  std::string hint;             // "did you mean \"x\"?" and the like; may be empty
  std::string source;           // the line itself; may be empty
  std::string message() const;  // "FILE:LINE: text; hint", for a log
};

struct LoadOptions {
  std::string file;    // the main file, absolute
  std::string prefix;  // absolute; what relative outputs hang off
  // -g: "daemon=off; pid=run/x.pid", instead of what [main] says.
  std::string overrides;
};

struct Loaded {
  std::unique_ptr<Config> config;       // null when there is an error
  std::vector<Diagnostic> diagnostics;  // by file and line
  std::size_t errors = 0;               // all of them, also those that are not listed

  bool has_warnings() const;
  // What a person reads: each diagnostic with its line and a caret, and at the end
  // "weir: 2 errors, configuration not loaded". Empty when there is nothing to say.
  std::string report() const;
};

Loaded load(Inputs& inputs, const LoadOptions& options);

// The text of the file in which `path` was named becomes absolute by these two rules.
std::string relative_to_file(std::string_view path, std::string_view naming_file);
std::string relative_to_prefix(std::string_view path, std::string_view prefix);

}  // namespace weir::conf
