#include "process/control_protocol.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"

namespace weir::process {
namespace {

constexpr std::array<std::pair<std::string_view, Command>, 8> commands = {{
    {"status", Command::status},
    {"reload", Command::reload},
    {"reopen", Command::reopen},
    {"stop", Command::stop},
    {"quit", Command::quit},
    {"zones", Command::zones},
    {"upstream", Command::upstream},
    {"purge", Command::purge},
}};

std::string line_of(const Json& document) {
  // Bytes that are not UTF-8 (a path in a message) are replaced, never thrown about.
  return dump_json(document) + "\n";
}

std::string text_of(const Json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<PeerCommand> parse_order(const Json& document) {
  PeerCommand out;
  const std::string action = text_of(document, "action");
  const auto known =
      std::find(PeerCommand::action_names.begin(), PeerCommand::action_names.end(), action);
  if (known == PeerCommand::action_names.end()) return std::nullopt;
  out.action = static_cast<PeerCommand::Action>(known - PeerCommand::action_names.begin());
  out.group = text_of(document, "group");
  out.peer = text_of(document, "peer");
  if (out.group.empty() || out.peer.empty()) return std::nullopt;
  std::size_t read = 4;
  for (const auto& [key, flag] : {std::pair("backup", &out.backup), {"persist", &out.persist}}) {
    const auto found = document.find(key);
    if (found == document.end()) continue;
    if (!found->is_boolean()) return std::nullopt;
    *flag = found->get<bool>();
    ++read;
  }
  if (const auto weight = document.find("weight"); weight != document.end()) {
    if (!weight->is_number_unsigned() || weight->get<std::uint64_t>() > 65'535) return std::nullopt;
    out.weight = weight->get<std::uint16_t>();
    ++read;
  }
  if (out.action == PeerCommand::Action::weight && out.weight == 0) return std::nullopt;
  return read == document.size() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<PurgeCommand> parse_purge(const Json& document) {
  PurgeCommand out;
  const std::string what = text_of(document, "what");
  const auto& names = PurgeCommand::what_names;
  const auto known = std::find(names.begin(), names.end(), what);
  if (known == names.end()) return std::nullopt;
  out.what = static_cast<PurgeCommand::What>(known - names.begin());
  std::size_t read = 2;
  for (const auto& [key, text] : {std::pair("text", &out.text), {"cache", &out.cache}}) {
    if (!document.contains(key)) continue;
    *text = text_of(document, key);
    if (text->empty() || text->find('\0') != text->npos) return std::nullopt;
    ++read;
  }
  if (out.text.empty() != (out.what == PurgeCommand::What::all)) return std::nullopt;
  if (const auto soft = document.find("soft"); soft != document.end()) {
    if (!soft->is_boolean()) return std::nullopt;
    out.soft = soft->get<bool>();
    ++read;
  }
  return read == document.size() ? std::optional(std::move(out)) : std::nullopt;
}

void put_order(const PeerCommand& order, Json& out) {
  out["action"] = PeerCommand::action_names[static_cast<std::size_t>(order.action)];
  out["group"] = order.group;
  out["peer"] = order.peer;
  if (order.weight != 0) out["weight"] = order.weight;
  if (order.backup) out["backup"] = true;
  if (order.persist) out["persist"] = true;
}

void put_purge(const PurgeCommand& purge, Json& out) {
  out["what"] = PurgeCommand::what_names[static_cast<std::size_t>(purge.what)];
  if (!purge.text.empty()) out["text"] = purge.text;
  if (!purge.cache.empty()) out["cache"] = purge.cache;
  if (purge.soft) out["soft"] = true;
}

}  // namespace

std::optional<Command> command_named(std::string_view text) {
  for (const auto& [word, command] : commands) {
    if (word == text) return command;
  }
  return std::nullopt;
}

std::string_view name(Command command) {
  for (const auto& [word, known] : commands) {
    if (known == command) return word;
  }
  return {};
}

std::optional<Request> parse_request(std::string_view line) {
  if (line.size() > control_line_max) return std::nullopt;
  const Json document = parse_json(line);
  if (!document.is_object()) return std::nullopt;
  const auto command = command_named(text_of(document, "command"));
  if (!command) return std::nullopt;
  if (*command == Command::purge) {
    auto purge = parse_purge(document);
    if (!purge) return std::nullopt;
    return Request(std::move(*purge));
  }
  if (document.size() == 1) return Request(*command);
  if (*command != Command::upstream) return std::nullopt;
  auto order = parse_order(document);
  if (!order) return std::nullopt;
  return Request(std::move(*order));
}

std::string request_line(const Request& request) {
  Json out{{"command", std::string(name(request.command))}};
  if (request.order) put_order(*request.order, out);
  if (request.purge) put_purge(*request.purge, out);
  return line_of(out);
}

std::string answer_line(const Answer& answer) {
  Json out{{"ok", answer.ok}, {"exit", answer.exit_code}};
  if (!answer.error.empty()) out["error"] = answer.error;
  if (!answer.report.empty()) out["report"] = answer.report;
  if (answer.generation != 0) out["generation"] = answer.generation;
  if (!answer.changes.empty()) out["changes"] = answer.changes;
  if (!answer.done.empty()) out["done"] = answer.done;
  if (!answer.status.empty()) out["status"] = parse_json(answer.status);
  return line_of(out);
}

std::optional<Answer> parse_answer(std::string_view line) {
  const Json document = parse_json(line);
  if (!document.is_object()) return std::nullopt;
  const auto ok = document.find("ok");
  if (ok == document.end() || !ok->is_boolean()) return std::nullopt;
  Answer out;
  out.ok = ok->get<bool>();
  out.error = text_of(document, "error");
  out.report = text_of(document, "report");
  out.done = text_of(document, "done");
  const auto exit = document.find("exit");
  out.exit_code = exit != document.end() && exit->is_number_integer() ? exit->get<int>() : 1;
  const auto generation = document.find("generation");
  if (generation != document.end() && generation->is_number_unsigned()) {
    out.generation = generation->get<std::uint64_t>();
  }
  if (const auto changes = document.find("changes");
      changes != document.end() && changes->is_array()) {
    for (const auto& change : *changes) {
      if (change.is_string()) out.changes.push_back(change.get<std::string>());
    }
  }
  if (const auto status = document.find("status"); status != document.end()) {
    out.status = dump_json(*status, 2);
  }
  return out;
}

std::string private_socket_path(std::string_view pid_path) {
  return std::string(pid_path) + ".sock";
}

}  // namespace weir::process
