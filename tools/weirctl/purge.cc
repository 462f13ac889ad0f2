#include "tools/weirctl/purge.h"

#include <fmt/format.h>

#include "process/control_protocol.h"

namespace weir::ctl {
namespace {

using process::PurgeCommand;
using What = PurgeCommand::What;

struct Reader {
  PurgeWords out{};
  bool chosen = false;

  bool fail(std::string why) {
    out.error = std::move(why);
    return false;
  }

  bool choose(What what, std::string_view text) {
    if (chosen) {
      return fail("purge takes one of URL, --prefix URL, --tag KEY, --key TEXT and --all");
    }
    chosen = true;
    out.command.what = what;
    out.command.text = text;
    return true;
  }

  bool use(std::string_view option, std::string_view value) {
    if (value.empty()) return fail(fmt::format("{} needs a value", option));
    if (option == "--prefix") return choose(What::prefix, value);
    if (option == "--tag") return choose(What::tag, value);
    if (option == "--key") return choose(What::key, value);
    if (!out.command.cache.empty()) return fail("--cache stands there twice");
    out.command.cache = value;
    return true;
  }
};

bool takes_value(std::string_view option) {
  return option == "--prefix" || option == "--tag" || option == "--key" || option == "--cache";
}

// What the control protocol can carry.
std::string trouble_of(const PurgeCommand& command) {
  const process::Request request(command);
  const std::string line = process::request_line(request);
  if (line.size() > process::control_line_max) {
    return fmt::format("the text is too long: {} of {} bytes", line.size(),
                       process::control_line_max);
  }
  const auto read = process::parse_request(std::string_view(line).substr(0, line.size() - 1));
  return read == request ? std::string() : "the text is not UTF-8";
}

}  // namespace

PurgeWords parse_purge(const std::vector<std::string_view>& words) {
  Reader reader;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::size_t equals = word.find('=');
    const std::string_view option = word.substr(0, equals);
    bool good = true;
    if (takes_value(option)) {
      const bool inside = equals != word.npos;
      if (!inside) ++i;
      good = reader.use(option, inside             ? word.substr(equals + 1)
                                : i < words.size() ? words[i]
                                                   : std::string_view{});
    } else if (word == "--all") {
      good = reader.choose(What::all, {});
    } else if (word == "--soft") {
      reader.out.command.soft = true;
    } else if (word.empty() || word.front() == '-') {
      good = reader.fail(fmt::format("unexpected \"{}\"", word));
    } else {
      good = reader.choose(What::url, word);
    }
    if (!good) return reader.out;
  }
  if (!reader.chosen) {
    reader.fail("purge needs a URL, or --prefix URL, --tag KEY, --key TEXT or --all");
  } else {
    reader.out.error = trouble_of(reader.out.command);
  }
  return reader.out;
}

}  // namespace weir::ctl
