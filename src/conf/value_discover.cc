// Values of discovery: where peers are found, and who is asked for their addresses.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "conf/directive.h"
#include "conf/peer_options.h"
#include "conf/value.h"
#include "conf/word_options.h"

namespace weir::conf {
namespace {

constexpr std::size_t resolvers_max = 8;
constexpr std::uint16_t dns_port = 53;

// A peer's option as one of the line that finds the peer.
template <std::size_t Row>
constexpr WordOption<DiscoverConf> of_peer() {
  constexpr const WordOption<PeerOptions>& row = peer_options[Row];
  return {row.name, row.flag,
          [](Value& value, const Word& word, std::string_view text, DiscoverConf& out) {
            return peer_options[Row].set(value, word, text, out.options);
          },
          [](const DiscoverConf& from) { return peer_options[Row].print(from.options); }};
}
static_assert(peer_options[5].name == "backup", "down and drain are no options of a discover line");

bool set_path(Value& value, const Word& word, std::string_view text, DiscoverConf& out) {
  if (text.empty() || text.ends_with('/') || text.find_first_of("\r\n\t") != text.npos) {
    return value.bad(word, fmt::format("\"{}\" is not a file", text));
  }
  out.path = relative_to_file(text, value.naming_file());
  return true;
}

bool set_name(Value& value, const Word& word, std::string_view text, DiscoverConf& out) {
  std::string_view bare = text;
  if (bare.ends_with('.')) bare.remove_suffix(1);  // as zone files write it
  if (!is_host_name(bare) || Address::parse_ip(bare)) {
    return value.bad(word, fmt::format("\"{}\" is not a name", text));
  }
  out.name = lower(bare);
  return true;
}

bool set_resolvers(Value& value, const Word& word, std::string_view text,
                   std::vector<std::string>& out) {
  out.clear();
  for (const std::string_view part : split(text, ',')) {
    auto address = Address::parse(part, dns_port);
    if (!address || !address->is_ip() || address->port() == 0) {
      return value.bad(word, fmt::format("\"{}\" is not the address of a resolver", part),
                       "write ADDRESS or ADDRESS:PORT");
    }
    if (out.size() == resolvers_max) {
      return value.bad(word, fmt::format("more than {} resolvers", resolvers_max));
    }
    out.push_back(address->to_string());
  }
  return true;
}

std::string joined(const std::vector<std::string>& parts, char separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

constexpr WordOption<DiscoverConf> discover_options[] = {
    own_option<DiscoverConf>("path", set_path, [](const DiscoverConf& from) { return from.path; }),
    own_option<DiscoverConf>("name", set_name, [](const DiscoverConf& from) { return from.name; }),
    flag_option<&DiscoverConf::srv>("srv"),
    number_option<&DiscoverConf::port, 1, 65'535>("port"),
    own_option<DiscoverConf>(
        "resolver",
        [](Value& value, const Word& word, std::string_view text, DiscoverConf& out) {
          return set_resolvers(value, word, text, out.resolvers);
        },
        [](const DiscoverConf& from) { return joined(from.resolvers, ','); }),
    time_option<&DiscoverConf::timeout, 50, 60'000>("timeout"),
    time_option<&DiscoverConf::interval_min, 50, day_ms>("interval_min"),
    time_option<&DiscoverConf::interval_max, 50, day_ms>("interval_max"),
    of_peer<0>(),
    of_peer<1>(),
    of_peer<2>(),
    of_peer<3>(),
    of_peer<4>(),
    of_peer<5>(),
};

constexpr EnumWord<DiscoverConf::Kind> discover_kinds[] = {
    {"file", DiscoverConf::Kind::file},
    {"dns", DiscoverConf::Kind::dns},
    {"zookeeper", DiscoverConf::Kind::zookeeper, false},
};

// What the kind needs, and what has no meaning for it.
bool fits_kind(Value& value, const DiscoverConf& conf) {
  const bool dns = conf.kind == DiscoverConf::Kind::dns;
  if (!dns) {
    if (conf.path.empty()) return value.bad("discover = file needs path=FILE");
    const DiscoverConf plain;
    if (!conf.name.empty() || conf.srv || !conf.resolvers.empty() ||
        conf.timeout != plain.timeout) {
      return value.bad("name, srv, resolver and timeout are options of discover = dns");
    }
    return true;
  }
  if (conf.name.empty()) return value.bad("discover = dns needs name=NAME");
  if (!conf.path.empty()) return value.bad("path is an option of discover = file");
  if (conf.srv && conf.port != 0)
    return value.bad("SRV records say the ports: srv and port differ");
  if (!conf.srv && conf.port == 0) {
    return value.bad("discover = dns needs port=PORT", "or srv, where SRV records say the ports");
  }
  return true;
}

}  // namespace

bool parse_item(Value& value, std::vector<DiscoverConf>& out) {
  if (!value.has_words(2, 16)) return false;
  DiscoverConf parsed;
  parsed.where = value.where();
  const Word& word = value.first();
  std::vector<std::string_view> known;
  const EnumWord<DiscoverConf::Kind>* kind = nullptr;
  for (const auto& row : discover_kinds) {
    if (row.built) known.push_back(row.word);
    if (row.word == word.text) kind = &row;
  }
  if (kind == nullptr) return value.unknown(word, known);
  if (!kind->built) return value.not_built(word, kind->word);
  parsed.kind = kind->value;
  if (!read_options(value, 1, discover_options, parsed)) return false;
  if (!fits_kind(value, parsed)) return false;
  if (parsed.interval_min > parsed.interval_max) {
    return value.bad("interval_min is more than interval_max");
  }
  if (out.size() == discover_lines_max) {
    return value.bad(
        fmt::format("more than {} discover lines in one upstream", discover_lines_max));
  }
  if (std::find(out.begin(), out.end(), parsed) != out.end()) {
    return value.bad("the same line stands here twice");
  }
  out.push_back(std::move(parsed));
  return true;
}

std::string print_value(const DiscoverConf& value) {
  for (const auto& row : discover_kinds) {
    if (row.value == value.kind)
      return std::string(row.word) + print_options(discover_options, value);
  }
  assert(false && "a kind of discovery without a word");
  return {};
}

bool parse_value(Value& value, ResolverConf& out) {
  if (!value.has_words(1, resolvers_max + 1)) return false;
  ResolverConf parsed;
  const bool system = value.first().text == "system";
  for (std::size_t at = system ? 1 : 0; at < value.words().size(); ++at) {
    const Word& word = value.words()[at];
    std::string_view text;
    if (Value::option(word, "valid", text)) {
      const auto time = parse_duration(text);
      if (!time || time->count() <= 0 || static_cast<std::uint64_t>(time->count()) > day_ms) {
        return value.bad(word, fmt::format("\"{}\" is not a time of up to a day", text));
      }
      if (parsed.valid.count() != 0) return value.bad(word, "valid stands here twice");
      parsed.valid = *time;
      continue;
    }
    if (system) return value.bad(word, "behind system only valid=TIME may stand");
    std::vector<std::string> one;
    if (word.text.find(',') != std::string::npos || !set_resolvers(value, word, word.text, one)) {
      return word.text.find(',') == std::string::npos
                 ? false
                 : value.bad(word, "addresses stand apart: ADDRESS ADDRESS");
    }
    parsed.addresses.push_back(one.front());
  }
  if (!system && parsed.addresses.empty()) return value.bad("no address of a resolver");
  out = std::move(parsed);
  return true;
}

std::string print_value(const ResolverConf& value) {
  std::string out = value.addresses.empty() ? "system" : joined(value.addresses, ' ');
  if (value.valid.count() != 0) out += " valid=" + print_duration(value.valid);
  return out;
}

}  // namespace weir::conf
