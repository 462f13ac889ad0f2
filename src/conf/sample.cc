// conf/weir.ini: a configuration that works, with everything else commented out.

#include "base/format.h"
#include "conf/manual.h"
#include "conf/prose.h"

namespace weir::conf {
namespace {

constexpr std::string_view head =
    "# weir.ini: every directive with its default, commented out. See weir.ini(5), or ask\n"
    "# `weir --explain NAME`; `weir -t` tests this file, `weir -T` shows what is in force.\n"
    "#\n"
    "# One directive per line. Comments own a whole line and start with '#' or ';'.\n"
    "# Units are part of a value: 10m is ten mebibytes, 30s thirty seconds.\n"
    "\n";

// The section in which a directive is shown: the outermost that may hold it.
struct Shown {
  Kind kind;
  std::string_view name;
  bool live;               // its head is not commented out
  std::string_view lines;  // live lines
};
constexpr Shown shown[] = {
    {Kind::main, "", true, ""},
    {Kind::admin, "", false, ""},
    {Kind::log, "access", false, ""},
    {Kind::api_keys, "clients", false, ""},
    {Kind::cache, "pages", false, ""},
    {Kind::upstream, "api", false, ""},
    {Kind::defaults, "", false, ""},
    {Kind::server, "web", true,
     "listen = 80\n"
     "return = 200 \"weir works: now tell it what to do in /etc/weir/weir.ini\\n\"\n"},
    {Kind::location, "api", false, ""},
};

bool is_first_kind(const Directive& directive, Kind kind) {
  for (const Shown& section : shown) {
    if ((directive.kinds & in(section.kind)) != 0) return section.kind == kind;
  }
  return false;
}

void append(std::string& out, const Directive& directive) {
  out += '\n' + wrapped(directive.doc, 78, "# ");
  const bool has_default = !directive.fallback.empty();
  append_format(out, "#{} = {}\n", directive.name,
                has_default ? directive.fallback : directive.example);
}

}  // namespace

std::string sample() {
  std::string out(head);
  for (const Shown& section : shown) {
    const KindRow& kind = kind_row(section.kind);
    out += wrapped(kind.doc, 78, "# ");
    append_format(out, "{}[{}{}{}]\n{}", section.live ? "" : "#", kind.name,
                  section.name.empty() ? "" : " ", section.name, section.lines);
    for (const Directive* directive : all_directives()) {
      if (directive->built && is_first_kind(*directive, section.kind)) append(out, *directive);
    }
    out += '\n';
  }
  out.pop_back();
  return out;
}

}  // namespace weir::conf
