// Sections: all files of a configuration as one list of sections with their lines, includes done.
//
// Knows the kinds of sections and that a section stands once; knows no directive but include.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/directive.h"
#include "conf/reader.h"

namespace weir::conf {

struct Pair {
  Line line;
  Where where;
};

struct Section {
  Kind kind = Kind::main;
  std::string name;
  Where where;
  std::vector<Pair> pairs;

  std::string label() const;  // "[server web]"
};

// -g: the pairs of "daemon=off; pid=run/x.pid".
std::vector<Pair> read_overrides(std::string_view text, Report& report);

std::vector<Section> read_sections(const std::string& main_file, Inputs& inputs, Report& report);

}  // namespace weir::conf
