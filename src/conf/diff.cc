#include "conf/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "conf/directive.h"
#include "conf/print.h"

namespace weir::conf {
namespace {

std::vector<Printed> printed(const Directive& directive, const void* target) {
  std::vector<Printed> out;
  directive.print(target, out);
  return out;
}

std::string_view note(const Directive& directive) {
  return directive.reload == Reload::restart ? " (takes a restart)" : "";
}

class Diff {
 public:
  explicit Diff(std::vector<std::string>& out) : out_(out) {}

  void section(const Object& before, const Object& after) {
    for (const Directive* directive : all_directives()) {
      if ((directive->kinds & in(after.kind)) == 0 || directive->same == nullptr) continue;
      const void* old_target = before.target(directive->target);
      const void* new_target = after.target(directive->target);
      if (directive->same(old_target, new_target)) continue;
      const auto old_values = printed(*directive, old_target);
      const auto new_values = printed(*directive, new_target);
      if (directive->repeatable)
        lines(*directive, after, old_values, new_values);
      else
        value(*directive, after, old_values, new_values);
    }
  }

 private:
  // What is only inherited is reported where it stands.
  static bool own(const std::vector<Printed>& values) {
    return std::any_of(values.begin(), values.end(), [](const Printed& v) { return v.own; });
  }
  static std::string text(const std::vector<Printed>& values) {
    return values.empty() ? "none" : values.front().text;
  }

  void value(const Directive& directive, const Object& object, const std::vector<Printed>& before,
             const std::vector<Printed>& after) {
    if (!own(before) && !own(after)) return;
    out_.push_back(fmt::format("{} {} -> {} in {}{}", directive.name, text(before), text(after),
                               object.label(), note(directive)));
  }

  void lines(const Directive& directive, const Object& object, const std::vector<Printed>& before,
             const std::vector<Printed>& after) {
    const std::size_t reported = out_.size();
    const auto only_in = [&](const std::vector<Printed>& here, const std::vector<Printed>& there,
                             std::string_view what) {
      std::set<std::string_view> common;
      for (const Printed& value : there) common.insert(value.text);
      for (const Printed& value : here) {
        if (!value.own || common.count(value.text) > 0) continue;
        out_.push_back(fmt::format("{} {} {} in {}{}", directive.name, value.text, what,
                                   object.label(), note(directive)));
      }
    };
    only_in(before, after, "removed");
    only_in(after, before, "added");
    if (out_.size() > reported || (!own(before) && !own(after))) return;
    out_.push_back(fmt::format("{} {} in {}{}", directive.name,
                               directive.secret ? "changed" : "in another order", object.label(),
                               note(directive)));
  }

  std::vector<std::string>& out_;
};

}  // namespace

std::vector<std::string> diff(const Config& old_config, const Config& new_config) {
  std::vector<std::string> out;
  std::map<std::string, Object> before;
  for_each_object(old_config,
                  [&](const Object& object) { before.emplace(object.label(), object); });
  Diff differ(out);
  std::vector<std::string> added;
  for_each_object(new_config, [&](const Object& object) {
    const auto found = before.find(object.label());
    if (found == before.end()) {
      added.push_back(object.label() + " added");
      return;
    }
    differ.section(found->second, object);
    before.erase(found);
  });
  for (const auto& [label, object] : before) out.push_back(label + " removed");
  out.insert(out.end(), added.begin(), added.end());
  return out;
}

}  // namespace weir::conf
