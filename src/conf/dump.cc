// -T: the effective configuration, as text that can be read again (secrets aside).
#include <fmt/format.h>

#include <algorithm>

#include "base/format.h"
#include "conf/directive.h"
#include "conf/manual.h"
#include "conf/print.h"

namespace weir::conf {
namespace {

class Dump {
 public:
  explicit Dump(const Config& config) : config_(config) {}

  std::string run() {
    for_each_object(config_, [this](const Object& object) { section(object); });
    return std::move(out_);
  }

 private:
  void section(const Object& object) {
    if (object.kind != Kind::main && !object.where.known()) return;  // not written anywhere
    if (!out_.empty()) out_ += '\n';
    if (object.where.known()) line("# {}", config_.place(object.where));
    line("{}", object.label());
    origin_.clear();
    for (const bool own : {true, false}) {
      for (const Directive* directive : all_directives()) {
        if ((directive->kinds & in(object.kind)) == 0 || directive->print == nullptr) continue;
        std::vector<Printed> values;
        directive->print(object.target(directive->target), values);
        for (const Printed& value : values) {
          if (value.own == own) this->value(*directive, value);
        }
      }
    }
  }

  // A comment says where values come from, once for those that follow one another.
  void value(const Directive& directive, const Printed& value) {
    const std::string origin = fmt::format(
        "{}{}", value.own || !value.where.known() ? "" : "inherited: ", config_.place(value.where));
    if (origin != origin_) line("# {}", origin);
    origin_ = origin;
    line("{}{} = {}", directive.secret ? "# " : "", directive.name, value.text);
  }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    append_format(out_, format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  const Config& config_;
  std::string out_, origin_;
};

}  // namespace

std::string dump(const Config& config) { return Dump(config).run(); }

}  // namespace weir::conf
