#include <fmt/format.h>

#include "base/format.h"
#include "conf/manual.h"
#include "conf/nginx_names.h"
#include "conf/prose.h"
#include "conf/report.h"

namespace weir::conf {
namespace {

void append(std::string& out, const Directive& directive) {
  const auto line = [&out](std::string_view label, std::string_view text) {
    if (!text.empty()) append_format(out, "  {:<10}{}\n", label, text);
  };
  append_format(out, "{}\n", directive.name);
  if (!directive.built) {
    line("Sections:", sections_of(directive));
    out +=
        '\n' + wrapped(fmt::format("{} Not built yet: a line with it is refused.", directive.doc),
                       76, "  ");
    return;
  }
  const std::string range = directive.shown_range();
  line("Syntax:", fmt::format("{} = {}{}", directive.name, directive.syntax,
                              range.empty() ? "" : fmt::format(" ({})", range)));
  line("Default:", directive.fallback.empty()
                       ? "none"
                       : fmt::format("{} = {}", directive.name, directive.fallback));
  line("Sections:", sections_of(directive));
  line("Since:", directive.since);
  line("Change:", change_of(directive));
  line("nginx:", directive.nginx);
  out += '\n' + wrapped(directive.doc, 76, "  ");
  append_format(out, "\n  Example:\n    {} = {}\n", directive.name, directive.example);
}

}  // namespace

std::optional<std::string> explain(std::string_view name) {
  std::string out;
  for (const Directive* directive : all_directives()) {
    if (directive->name != name) continue;
    if (!out.empty()) out += '\n';
    append(out, *directive);
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::string closest_directive(std::string_view name) {
  if (const std::string_view hint = find_nginx_name(name); !hint.empty()) return std::string(hint);
  std::vector<std::string_view> names;
  names.reserve(all_directives().size());
  for (const Directive* directive : all_directives()) names.push_back(directive->name);
  return did_you_mean(name, names);
}

}  // namespace weir::conf
