#include "upstream/load_report.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace weir {
namespace {

constexpr std::uint16_t whole = 65'535;

// A number of JSON's grammar that is not negative (RFC 8259 §6), as a share of 1 in 1/65535.
// Written out: strtod() takes hexadecimal, "inf", and the locale's point.
std::optional<std::uint16_t> parse_share(std::string_view text) {
  constexpr std::size_t digits_max = 40;
  if (text.empty() || text.size() > digits_max || !is_digit(text.front())) return std::nullopt;
  std::size_t at = 0;
  double value = 0;
  while (at < text.size() && is_digit(text[at])) value = value * 10 + (text[at++] - '0');
  if (at > 1 && text.front() == '0') return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    const std::size_t first = ++at;
    for (double unit = 0.1; at < text.size() && is_digit(text[at]); unit /= 10) {
      value += unit * (text[at++] - '0');
    }
    if (at == first) return std::nullopt;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool down = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const auto exponent = parse_decimal(text.substr(at));
    if (!exponent || *exponent > 300) return std::nullopt;
    value *=
        std::pow(10.0, down ? -static_cast<double>(*exponent) : static_cast<double>(*exponent));
    at = text.size();
  }
  if (at != text.size() || !std::isfinite(value)) return std::nullopt;
  return static_cast<std::uint16_t>(std::lround(std::min(value, 1.0) * whole));
}

// Both members once at most; nothing found is no report.
class Collector {
 public:
  bool take(std::string_view name, std::string_view cpu, std::string_view memory,
            std::string_view value) {
    std::optional<std::uint16_t>* const to = name == cpu      ? &cpu_
                                             : name == memory ? &memory_
                                                              : nullptr;
    if (to == nullptr) return true;
    if (*to) return false;
    *to = parse_share(value);
    return to->has_value();
  }
  std::optional<shm::PeerLoad> load() const {
    if (!cpu_ && !memory_) return std::nullopt;
    return shm::PeerLoad{cpu_.value_or(0), memory_.value_or(0)};
  }

 private:
  std::optional<std::uint16_t> cpu_, memory_;
};

std::optional<shm::PeerLoad> parse_pairs(std::string_view text, std::string_view blank,
                                         std::string_view equals, std::string_view cpu,
                                         std::string_view memory) {
  Collector found;
  for (const std::string_view pair : words(text, blank)) {
    const std::size_t at = pair.find_first_of(equals);
    if (at == pair.npos || at == 0) return std::nullopt;
    if (!found.take(pair.substr(0, at), cpu, memory, pair.substr(at + 1))) return std::nullopt;
  }
  return found.load();
}

// The members of one JSON object, those of objects in it passed over. Names are compared as they
// stand: those that matter have no escapes.
class JsonObject {
 public:
  explicit JsonObject(std::string_view text) : rest_(text) {}

  std::optional<shm::PeerLoad> read() {
    Collector found;
    if (!object(0, &found)) return std::nullopt;
    skip_blanks();
    return rest_.empty() ? found.load() : std::nullopt;
  }

 private:
  static constexpr int depth_max = 8;

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool string(std::string_view& out) {
    if (!take('"')) return false;
    std::size_t at = 0;
    for (; at < rest_.size() && rest_[at] != '"'; ++at) {
      if (static_cast<unsigned char>(rest_[at]) < 0x20) return false;
      if (rest_[at] == '\\') ++at;
    }
    if (at >= rest_.size()) return false;
    out = rest_.substr(0, at);
    rest_.remove_prefix(at + 1);
    return true;
  }
  std::string_view scalar() {
    skip_blanks();
    const std::size_t end = std::min(rest_.find_first_of(" \t\r\n,}]"), rest_.size());
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return out;
  }
  bool object(int depth, Collector* found) {
    if (depth > depth_max || !take('{')) return false;
    if (take('}')) return true;
    do {
      std::string_view name;
      if (!string(name) || !take(':') || !value(depth, name, found)) return false;
    } while (take(','));
    return take('}');
  }
  bool array(int depth) {
    if (depth > depth_max || !take('[')) return false;
    if (take(']')) return true;
    do {
      if (!value(depth, {}, nullptr)) return false;
    } while (take(','));
    return take(']');
  }
  bool value(int depth, std::string_view name, Collector* found) {
    skip_blanks();
    const bool ours = found != nullptr && (name == "cpu_utilization" || name == "mem_utilization");
    if (rest_.starts_with('{')) return !ours && object(depth + 1, nullptr);
    if (rest_.starts_with('[')) return !ours && array(depth + 1);
    std::string_view text;
    if (rest_.starts_with('"')) return !ours && string(text);
    text = scalar();
    if (found != nullptr)
      return !text.empty() && found->take(name, "cpu_utilization", "mem_utilization", text);
    return !text.empty();
  }

  std::string_view rest_;
};

}  // namespace

std::optional<shm::PeerLoad> parse_x_load(std::string_view text) {
  if (text.size() > load_report_bytes_max) return std::nullopt;
  return parse_pairs(text, " \t,", "=", "cpu", "mem");
}

std::optional<shm::PeerLoad> parse_orca(std::string_view text) {
  if (text.size() > load_report_bytes_max) return std::nullopt;
  if (text.starts_with("TEXT ")) {
    return parse_pairs(text.substr(5), " \t,", "=:", "cpu_utilization", "mem_utilization");
  }
  if (text.starts_with("JSON ")) return JsonObject(text.substr(5)).read();
  return std::nullopt;
}

namespace {

constexpr std::uint64_t share_max = 254;  // what PeerWord::share has room for

bool take_word(std::string_view word, AgentReport& out) {
  using Service = AgentReport::Service;
  using Admin = AgentReport::Admin;
  if (word.ends_with('%')) {
    constexpr std::uint64_t percent_max = 25'600;  // HAProxy's largest weight over its least
    const auto percent = parse_decimal(word.substr(0, word.size() - 1));
    if (!percent || *percent > percent_max) return false;
    out.percent = static_cast<std::uint8_t>(std::min<std::uint64_t>(*percent, share_max));
    return true;
  }
  const std::string lowered = lower(word);
  if (lowered.starts_with("maxconn:")) {
    const auto count = parse_decimal(word.substr(8));
    if (!count || *count > 1'000'000) return false;
    out.max_conns = static_cast<std::uint32_t>(*count);
    return true;
  }
  if (lowered == "up") {
    out.service = Service::up;
  } else if (lowered == "down" || lowered == "fail" || lowered == "stopped") {
    out.service = Service::down;
    out.why = lowered;
  } else if (lowered == "ready") {
    out.admin = Admin::ready;
  } else if (lowered == "drain") {
    out.admin = Admin::drain;
  } else if (lowered == "maint") {
    out.admin = Admin::maintenance;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<AgentReport> parse_agent_line(std::string_view line) {
  if (line.size() > agent_line_bytes_max) return std::nullopt;
  const std::size_t sharp = std::min(line.find('#'), line.size());
  AgentReport out;
  bool any = false;
  for (const std::string_view word : words(line.substr(0, sharp), " \t,")) {
    if (!take_word(word, out)) return std::nullopt;
    any = true;
  }
  if (!any) return std::nullopt;
  const std::string_view described = trim(line.substr(std::min(sharp + 1, line.size())));
  if (out.service == AgentReport::Service::down && !described.empty()) {
    out.why.append(": ").append(described);
  }
  return out;
}

}  // namespace weir
