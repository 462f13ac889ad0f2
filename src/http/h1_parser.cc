#include "http/h1_parser.h"

#include <algorithm>

#include "http/faults.h"
#include "http/scan.h"

namespace weir {
namespace {

constexpr std::string_view line_end = "\r\n";

// The text of the line at the start of `bytes`, for parsing and for the log when parsing fails.
std::string_view first_line(std::string_view bytes) {
  const char* const end = bytes.data() + bytes.size();
  const char* const stop = scan::find_control(bytes.data(), end);
  return bytes.substr(0, static_cast<std::size_t>(stop - bytes.data()));
}

// What stopped a line that should have ended in CRLF.
Fault control_fault(std::string_view rest, Fault otherwise) {
  if (rest.empty()) return otherwise;
  return rest.front() == '\r' || rest.front() == '\n' ? Fault::bare_cr_or_lf : otherwise;
}

// "HTTP/" and digits in the right places: a version of some kind.
bool is_version(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  return text.size() == 8 && text.starts_with("HTTP/") && digit(5) && text[6] == '.' && digit(7);
}

Result<Version> parse_version(std::string_view text, Side side) {
  if (text == "HTTP/1.1") return Version::http_1_1;
  if (text == "HTTP/1.0") return Version::http_1_0;
  return fault_error(side,
                     is_version(text) ? Fault::version_not_supported : Fault::malformed_version);
}

Fault fault_of_short_line(std::string_view line) {
  const auto space = line.find(' ');
  const bool two_words = space != line.npos && space > 0 && space + 1 < line.size() &&
                         line.find(' ', space + 1) == line.npos;
  return two_words ? Fault::http_0_9 : Fault::malformed_request_line;
}

Result<Ok> parse_request_line(std::string_view line, RequestHead& out) {
  const char* const begin = line.data();
  const char* const end = begin + line.size();
  const char* const method_end = scan::find_not_token(begin, end);
  if (method_end == end || *method_end != ' ' || method_end == begin)
    return client_fault(Fault::malformed_method);
  out.method_text = {begin, static_cast<std::size_t>(method_end - begin)};
  out.method = parse_method(out.method_text);

  const char* const target = method_end + 1;
  const char* const target_end = scan::find_not_visible(target, end);
  out.target = {target, static_cast<std::size_t>(target_end - target)};
  if (target_end == end) return client_fault(fault_of_short_line(line));
  if (out.target.empty() || *target_end != ' ') return client_fault(Fault::malformed_target);

  const auto version =
      parse_version({target_end + 1, static_cast<std::size_t>(end - target_end - 1)}, Side::client);
  if (!version) return version.error();
  out.version = *version;
  return Ok{};
}

Result<Ok> parse_status_line(std::string_view line, ResponseHead& out) {
  const auto bad = fault_error(Side::upstream, Fault::malformed_status_line);
  if (line.size() < 12 || line[8] != ' ') return bad;
  const auto version = parse_version(line.substr(0, 8), Side::upstream);
  if (!version) return version.error();
  out.version = *version;
  unsigned status = 0;
  for (const char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return bad;
    status = status * 10 + static_cast<unsigned>(c - '0');
  }
  if (status < 100) return bad;
  out.status = static_cast<std::uint16_t>(status);
  // RFC 9112 4 wants a space even before an empty phrase; many origins leave it out, and nothing
  // can be misread for it.
  if (line.size() == 12) return Ok{};
  if (line[12] != ' ') return bad;
  out.reason = line.substr(13);
  return Ok{};
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

Result<std::string_view> split_first_line(std::string_view head, const Limits& limits, Side side) {
  if (head.size() > limits.head_bytes_max) return fault_error(side, Fault::head_too_large);
  const std::string_view line = first_line(head);
  if (line.size() > limits.request_line_bytes_max)
    return fault_error(side, Fault::request_line_too_long);
  return line;
}

// Is the request or status line complete? The one empty line that may come before a request is
// passed over.
Result<bool> find_first_line(std::string_view bytes, HeadScan& scan, const Limits& limits) {
  const bool request = scan.kind == HeadKind::request;
  const Side side = request ? Side::client : Side::upstream;
  while (scan.from < bytes.size()) {
    if (scan.from == scan.line) {
      const char first = bytes[scan.line];
      const bool possible = request ? scan::token_table.is[static_cast<unsigned char>(first)] ||
                                          (first == '\r' && scan.line == 0)
                                    : first == 'H';
      if (!possible)
        return fault_error(side, control_fault(bytes.substr(scan.line), Fault::not_http));
    }
    const char* const end = bytes.data() + bytes.size();
    const char* const found = scan::find_byte(bytes.data() + scan.from, end, '\n');
    if (found == end) {
      scan.from = bytes.size();
      return false;
    }
    const auto at = static_cast<std::size_t>(found - bytes.data());
    if (at == scan.line || found[-1] != '\r') return fault_error(side, Fault::bare_cr_or_lf);
    const std::string_view line = bytes.substr(scan.line, at - 1 - scan.line);
    scan.from = scan.line = at + 1;
    if (line.empty()) {
      if (!request || at != 1) return fault_error(side, Fault::malformed_request_line);
      continue;
    }
    if (line.size() > limits.request_line_bytes_max)
      return fault_error(side, Fault::request_line_too_long);
    // HTTP/0.9 has no head to wait for: say no now rather than at a timeout.
    if (request && line.find(" HTTP/") == line.npos) return client_fault(fault_of_short_line(line));
    scan.line_seen = true;
    return true;
  }
  return false;
}

}  // namespace

Result<std::size_t> find_head_end(std::string_view bytes, HeadScan& scan, const Limits& limits) {
  const Side side = scan.kind == HeadKind::request ? Side::client : Side::upstream;
  if (!scan.line_seen) {
    const auto seen = find_first_line(bytes, scan, limits);
    if (!seen) return seen.error();
    if (!*seen) {
      if (bytes.size() - scan.line > limits.request_line_bytes_max + line_end.size())
        return fault_error(side, Fault::request_line_too_long);
      if (bytes.size() > limits.head_bytes_max) return fault_error(side, Fault::head_too_large);
      return std::size_t{0};
    }
  }
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* line = begin + scan.line;
  const char* at = begin + scan.from;
  for (;;) {
    const char* const found = scan::find_byte(at, end, '\n');
    if (found == end) break;
    if (found == line || found[-1] != '\r') return fault_error(side, Fault::bare_cr_or_lf);
    at = found + 1;
    const auto size = static_cast<std::size_t>(at - begin);
    if (size > limits.head_bytes_max) return fault_error(side, Fault::head_too_large);
    if (found - line == 1) return size;
    line = at;
  }
  scan.line = static_cast<std::size_t>(line - begin);
  scan.from = bytes.size();
  if (bytes.size() > limits.head_bytes_max) return fault_error(side, Fault::head_too_large);
  return std::size_t{0};
}

Result<std::size_t> parse_fields(std::string_view lines, const Limits& limits,
                                 std::size_t fields_max, Side side, Fields& out) {
  const char* at = lines.data();
  const char* const end = at + lines.size();
  std::size_t dropped = 0;
  for (std::size_t count = 0;; ++count) {
    if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
      if (end - at != 2)
        return fault_error(side, Fault::malformed_field);  // more than was measured
      return dropped;
    }
    const char* name_end = scan::find_byte(at, end, ':');
    const std::string_view name{at, static_cast<std::size_t>(name_end - at)};
    const FieldId id = field_id(name);  // one of the table is a token, and followed by its colon
    if (id == FieldId::other || name_end == end) {
      if (at != end && is_blank(*at))
        return fault_error(side, Fault::folded_field);  // obs-fold, RFC 9112 5.2
      name_end = scan::find_not_token(at, end);
      if (name_end == end || *name_end != ':' || name_end == at) {
        const std::string_view rest{name_end, static_cast<std::size_t>(end - name_end)};
        return fault_error(side, control_fault(rest, Fault::malformed_field_name));
      }
    }
    if (count == fields_max) return fault_error(side, Fault::too_many_fields);
    // The value, blanks at both ends left out, and its CRLF.
    const char* value = name_end + 1;
    while (value != end && is_blank(*value)) ++value;
    const char* const stop = scan::find_control(value, end);
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') {
      const std::string_view rest{stop, static_cast<std::size_t>(end - stop)};
      return fault_error(side, control_fault(rest, Fault::malformed_field_value));
    }
    at = stop + 2;
    const char* value_end = stop;
    while (value_end != value && is_blank(value_end[-1])) --value_end;
    if (id == FieldId::other && limits.underscores != Underscores::keep &&
        name.find('_') != name.npos) {
      if (limits.underscores == Underscores::reject)
        return fault_error(side, Fault::underscore_in_name);
      ++dropped;
      continue;
    }
    out.add(id, name, {value, static_cast<std::size_t>(value_end - value)});
  }
}

Result<Ok> parse_request_head(std::string_view head, const Limits& limits, RequestHead& out) {
  out.clear();
  if (head.starts_with(line_end)) head.remove_prefix(line_end.size());
  const auto line = split_first_line(head, limits, Side::client);
  if (!line) return line.error();
  out.line = *line;
  const std::string_view rest = head.substr(line->size());
  if (!rest.starts_with(line_end))
    return client_fault(control_fault(rest, Fault::malformed_request_line));
  if (const auto parsed = parse_request_line(*line, out); !parsed) return parsed.error();
  const auto dropped = parse_fields(rest.substr(line_end.size()), limits, limits.fields_max,
                                    Side::client, out.fields);
  if (!dropped) return dropped.error();
  out.dropped_fields = static_cast<std::uint32_t>(*dropped);
  return Ok{};
}

Result<Ok> parse_response_head(std::string_view head, const Limits& limits, ResponseHead& out) {
  out.clear();
  const auto line = split_first_line(head, limits, Side::upstream);
  if (!line) return line.error();
  const std::string_view rest = head.substr(line->size());
  if (!rest.starts_with(line_end))
    return fault_error(Side::upstream, control_fault(rest, Fault::malformed_status_line));
  if (const auto parsed = parse_status_line(*line, out); !parsed) return parsed.error();
  const auto dropped = parse_fields(rest.substr(line_end.size()), limits, limits.fields_max,
                                    Side::upstream, out.fields);
  if (!dropped) return dropped.error();
  return Ok{};
}

}  // namespace weir
