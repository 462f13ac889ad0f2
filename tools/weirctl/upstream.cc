#include "tools/weirctl/upstream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"

namespace weir::ctl {
namespace {

using Action = PeerCommand::Action;

UpstreamWords misuse(std::string why) {
  UpstreamWords out;
  out.error = std::move(why);
  return out;
}

UpstreamWords parse_list(const std::vector<std::string_view>& words) {
  UpstreamWords out;
  out.lists = true;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--json") {
      out.json = true;
    } else if (words[i] == "--names") {
      out.names = true;
    } else if (out.group.empty() && !words[i].empty() && words[i].front() != '-') {
      out.group = words[i];
    } else {
      return misuse(fmt::format("unexpected \"{}\"", words[i]));
    }
  }
  if (out.json && out.names) return misuse("--json and --names exclude each other");
  return out;
}

bool read_weight(std::string_view text, std::uint16_t& out) {
  const auto number = parse_decimal(text);
  if (!number || *number == 0 || *number > 65'535) return false;
  out = static_cast<std::uint16_t>(*number);
  return true;
}

// --- the table

constexpr std::size_t column_count = 10;
using Row = std::array<std::string, column_count>;
Row heads() {
  return {"PEER",   "STATE", "SINCE",    "FAILURES", "IN FLIGHT",
          "WEIGHT", "ORDER", "FOUND BY", "REQUESTS", "LAST ERROR"};
}
constexpr std::array<bool, column_count> is_number = {false, false, true,  true, true,
                                                      true,  false, false, true, false};

std::string text(const Json& peer, const char* key) {
  const auto it = peer.find(key);
  return it != peer.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::string number(const Json& peer, const char* key) {
  const auto it = peer.find(key);
  return it != peer.end() && it->is_number() ? dump_json(*it) : std::string("-");
}

std::string since(const Json& peer) {
  const auto it = peer.find("since_s");
  if (it == peer.end() || !it->is_number_unsigned()) return "-";
  const auto seconds = it->get<std::uint64_t>();
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 120 * 60) return fmt::format("{}m", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

Row row_of(const Json& peer) {
  const bool backup = peer.value("backup", Json(false)) == true;
  return {text(peer, "peer"),
          text(peer, "state"),
          since(peer),
          number(peer, "failures"),
          number(peer, "in_flight"),
          number(peer, "weight") + (backup ? " backup" : ""),
          text(peer, "order").empty() ? "-" : text(peer, "order"),
          text(peer, "source"),
          number(peer, "requests"),
          text(peer, "last_error").empty() ? "-" : text(peer, "last_error")};
}

std::string_view colour_of(const Row& row) {
  if (row[6] != "-") return "\x1b[33m";  // somebody wants it so
  if (row[1] == "HEALTHY") return "\x1b[32m";
  if (row[1] == "UNREACHABLE" || row[1] == "EJECTED") return "\x1b[31m";
  return "";
}

void print_row(const Row& row, const std::array<std::size_t, column_count>& widths,
               std::string_view colour, std::string& out) {
  std::string line = "  ";
  for (std::size_t i = 0; i < column_count; ++i) {
    const bool colours = i == 1 && !colour.empty();
    if (colours) line += colour;
    // Beyond ASCII nothing comes: addresses and words of ours; an error text is the last column.
    line += is_number[i] ? fmt::format("{:>{}}", row[i], widths[i])
                         : fmt::format("{:<{}}", row[i], widths[i]);
    if (colours) line += "\x1b[0m";
    line += "  ";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

void print_group(const Json& group, bool colours, std::string& out) {
  std::vector<Row> rows;
  for (const Json& peer : group.value("peers", Json::array())) rows.push_back(row_of(peer));
  out += fmt::format("{}{}{}{}\n", colours ? "\x1b[1m" : "", text(group, "name"),
                     colours ? "\x1b[0m" : "", rows.empty() ? ": no peers" : "");
  if (rows.empty()) return;
  std::array<std::size_t, column_count> widths{};
  for (std::size_t i = 0; i < column_count; ++i) {
    widths[i] = heads()[i].size();
    for (const Row& row : rows) widths[i] = std::max(widths[i], row[i].size());
  }
  print_row(heads(), widths, "", out);
  for (const Row& row : rows) print_row(row, widths, colours ? colour_of(row) : "", out);
}

void print_names(const Json& groups, bool of_group, std::string& out) {
  for (const Json& group : groups) {
    if (!of_group) {
      out += text(group, "name") + "\n";
      continue;
    }
    for (const Json& peer : group.value("peers", Json::array())) out += text(peer, "peer") + "\n";
  }
}

}  // namespace

UpstreamWords parse_upstream(const std::vector<std::string_view>& words) {
  if (words.empty()) return misuse("upstream needs list, or an action, GROUP and PEER");
  if (words[0] == "list") return parse_list(words);
  const auto& names = PeerCommand::action_names;
  const auto known = std::find(names.begin(), names.end(), words[0]);
  if (known == names.end()) return misuse(fmt::format("unknown action \"{}\"", words[0]));
  UpstreamWords out;
  out.order.action = static_cast<Action>(known - names.begin());
  std::size_t next = 3;
  if (words.size() < next || words[1].empty() || words[2].empty()) {
    return misuse(fmt::format("{} needs GROUP and PEER", words[0]));
  }
  out.order.group = words[1];
  out.order.peer = words[2];
  if (out.order.action == Action::weight) {
    if (words.size() == next || !read_weight(words[next++], out.order.weight)) {
      return misuse("weight needs a number of 1 to 65535 behind the peer");
    }
  }
  for (; next < words.size(); ++next) {
    const std::string_view word = words[next];
    const bool adds = out.order.action == Action::add;
    if (word == "persist" && !out.order.persist) {
      out.order.persist = true;
    } else if (adds && word == "backup" && !out.order.backup) {
      out.order.backup = true;
    } else if (adds && word.starts_with("weight=") && out.order.weight == 0) {
      if (!read_weight(word.substr(7), out.order.weight)) {
        return misuse(fmt::format("\"{}\" is not a number of 1 to 65535", word.substr(7)));
      }
    } else {
      return misuse(fmt::format("unexpected \"{}\"", word));
    }
  }
  return out;
}

bool print_upstreams(std::string_view document, const UpstreamWords& words, bool colours,
                     std::string& out) {
  const Json all = parse_json(document);
  const auto upstreams = all.is_object() ? all.find("upstreams") : all.end();
  if (!all.is_object() || upstreams == all.end() || !upstreams->is_array()) return false;
  Json groups = Json::array();
  for (const Json& group : *upstreams) {
    if (!group.is_object()) return false;
    if (words.group.empty() || text(group, "name") == words.group) groups.push_back(group);
  }
  if (!words.group.empty() && groups.empty()) return false;
  if (words.json) {
    out = dump_json(Json{{"upstreams", groups}}, 2) + "\n";
  } else if (words.names) {
    print_names(groups, !words.group.empty(), out);
  } else {
    for (const Json& group : groups) {
      if (!out.empty()) out += "\n";
      print_group(group, colours, out);
    }
    if (groups.empty()) out = "no upstream\n";
  }
  return true;
}

}  // namespace weir::ctl
