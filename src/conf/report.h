// Report: collects what one reading of the configuration has to say, with the lines it is about.
//
// Keeps at most `kept_max` diagnostics (the rest is counted), so that a file of a million mistakes
// costs no more than a file of a million lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/load.h"
#include "conf/values.h"

namespace weir::conf {

class Report {
 public:
  static constexpr std::size_t kept_max = 200;

  // A file of the configuration; returns its index for Where. `bytes` must outlive the Report.
  std::uint32_t add_file(std::string name, std::string_view bytes);
  const std::vector<std::string>& files() const { return names_; }
  const std::string& name(std::uint32_t file) const { return names_.at(file); }
  std::string_view line(Where where) const;  // its text, without the end of line
  std::string place(Where where) const;      // "file:line"

  void error(Where where, std::uint32_t column, std::string text, std::string hint = {});
  // The line itself is not shown: it may hold a secret.
  void error_without_source(Where where, std::string text, std::string hint = {});
  void warn(Where where, std::uint32_t column, std::string text, std::string hint = {});

  std::size_t errors() const { return errors_; }
  std::vector<Diagnostic> take();  // sorted by file and line; adds a last one if some were dropped

 private:
  struct Kept {
    Where where;
    Diagnostic diagnostic;
  };
  void add(Severity severity, Where where, std::uint32_t column, std::string text,
           std::string hint);

  std::vector<std::string> names_;
  std::vector<std::string_view> bytes_;
  std::vector<std::vector<std::size_t>> starts_;  // of the lines of each file
  std::vector<Kept> kept_;
  std::size_t errors_ = 0;
  std::size_t dropped_ = 0;
};

// `did you mean "x"?` for the candidate nearest to `word`; empty when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace weir::conf
