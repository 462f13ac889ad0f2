#include "observe/access_log.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/text.h"

namespace weir::observe {
namespace {

constexpr std::string_view cut_mark = "...\n";

enum class JsonKind : unsigned char { text, number, tries };
struct JsonField {
  std::string_view key;  // with quotes and colon
  JsonKind kind;
  VariableId id;
};

// Keys and their order are a contract with those who read the log.
constexpr JsonField json_fields[] = {
    {"\"time\":", JsonKind::text, VariableId::time_iso8601},
    {"\"request_id\":", JsonKind::text, VariableId::request_id},
    {"\"client\":", JsonKind::text, VariableId::remote_addr},
    {"\"method\":", JsonKind::text, VariableId::request_method},
    {"\"host\":", JsonKind::text, VariableId::host},
    {"\"uri\":", JsonKind::text, VariableId::request_uri},
    {"\"protocol\":", JsonKind::text, VariableId::server_protocol},
    {"\"status\":", JsonKind::number, VariableId::status},
    {"\"bytes\":", JsonKind::number, VariableId::body_bytes_sent},
    {"\"duration\":", JsonKind::number, VariableId::request_time},
    {"\"route\":", JsonKind::text, VariableId::location},
    {"\"upstream\":", JsonKind::text, VariableId::upstream_addr},
    {"\"upstream_status\":", JsonKind::text, VariableId::upstream_status},
    {"\"upstream_duration\":", JsonKind::text, VariableId::upstream_response_time},
    {"\"attempts\":", JsonKind::tries, VariableId::upstream_addr},
    {"\"cache\":", JsonKind::text, VariableId::upstream_cache_status},
    {"\"tls\":", JsonKind::text, VariableId::ssl_protocol},
};

// A value of a line that was too long as a whole: with every byte escaped, all of them still fit.
constexpr std::size_t short_value_bytes = 56;
static_assert(std::size(json_fields) * (6 * short_value_bytes + 3 + 24) < shm::line_bytes_max);

// What JSON takes for a number without any doubt: digits, with a fraction or without.
bool is_number(std::string_view text) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
  };
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  if (!digits(whole) || (whole.size() > 1 && whole.front() == '0')) return false;
  return point == text.npos || digits(text.substr(point + 1));
}

// The tries are separated by commas.
std::size_t tries_in(std::string_view addresses) {
  return addresses.empty()
             ? 0
             : 1 + static_cast<std::size_t>(std::count(addresses.begin(), addresses.end(), ','));
}

void append_json_text(std::string_view value, std::size_t limit, std::string& line) {
  line += '"';
  append_escaped(value.substr(0, limit), Escape::json, line);
  if (value.size() > limit) line += "...";
  line += '"';
}

// `value` is scratch: what a variable gave.
void append_json(const Values& values, std::size_t limit, std::string& value, std::string& line) {
  line += '{';
  for (const JsonField& field : json_fields) {
    if (line.back() != '{') line += ',';
    line += field.key;
    value.clear();
    const bool found = values.append({field.id}, value);
    if (field.kind == JsonKind::tries) {
      line += std::to_string(found ? tries_in(value) : 0);
    } else if (!found || (field.kind == JsonKind::number && !is_number(value))) {
      line += "null";
    } else if (field.kind == JsonKind::number) {
      line += value;
    } else {
      append_json_text(value, limit, line);
    }
  }
  line += "}\n";
}

void render_json(const Values& values, std::string& line) {
  thread_local std::string value;  // keeps its capacity
  append_json(values, std::string::npos, value, line);
  if (line.size() <= shm::line_bytes_max) return;
  line.clear();
  append_json(values, short_value_bytes, value, line);
}

Template format_text(const conf::LogConf& conf) {
  if (conf.format.value.kind == conf::LogFormat::Kind::json) return {};
  if (conf.format.value.kind == conf::LogFormat::Kind::custom) return conf.format.value.custom;
  Template text;
  TemplateProblem problem;
  [[maybe_unused]] const bool compiled = Template::compile(combined_format, text, problem);
  assert(compiled);
  return text;
}

Escape escape_of(const conf::LogConf& conf) {
  if (conf.format.value.kind != conf::LogFormat::Kind::custom) return Escape::log;
  switch (conf.escape.value) {
    case conf::LogEscape::standard: return Escape::log;
    case conf::LogEscape::json: return Escape::json;
    case conf::LogEscape::none: return Escape::none;
  }
  return Escape::log;
}

}  // namespace

AccessFormat::AccessFormat(const conf::LogConf& conf)
    : kind_(conf.format.value.kind), escape_(escape_of(conf)), text_(format_text(conf)) {}

void AccessFormat::render(const Values& values, std::string& line) const {
  line.clear();
  if (kind_ == conf::LogFormat::Kind::json) return render_json(values, line);
  text_.render(values, line, escape_);
  for (auto at = line.find('\n'); at != line.npos; at = line.find('\n', at)) line[at] = ' ';
  if (line.size() < shm::line_bytes_max) {
    line += '\n';
    return;
  }
  line.resize(shm::line_bytes_max - cut_mark.size());
  line += cut_mark;
}

AccessLogs::AccessLogs(const conf::Config& config, const shm::Zones& zones, shm::SlotId slot)
    : zones_(zones), ring_(zones.log_writer(slot)) {
  logs_.reserve(config.logs.size());
  for (const conf::LogConf& log : config.logs) {
    assert(log.stream < shm::stream_count);
    logs_.push_back({AccessFormat(log), log.stream});
  }
}

bool AccessLogs::write(std::size_t index, const Values& values) {
  assert(index < logs_.size());
  const Log& log = logs_[index];
  log.format.render(values, line_);
  const bool fits = ring_.push(log.stream, line_);
  const bool wanted = ring_.wants_drain();
  if (wanted && !woken_) zones_.wake_logger();
  woken_ = wanted;
  return fits;
}

}  // namespace weir::observe
