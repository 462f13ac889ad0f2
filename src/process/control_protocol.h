// The control protocol: one request and one answer, each one line of JSON, over a Unix socket.
//
//   {"command":"reload"}\n   ->   {"ok":true,"generation":4,"changes":["..."]}\n
//
// Commands: status, reload, reopen, stop, quit, zones (answer carries the zones' descriptors), and
// upstream: alone it lists the peers; with "action", "group", "peer" and what the action takes
// ("weight", "backup", "persist") it is an order; and purge: "what" (PurgeCommand::what_names), but
// for all a "text", and where they are meant "cache" and "soft".
// Pure: text in, text out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "process/purge_command.h"
#include "upstream/peer_command.h"

namespace weir::process {

inline constexpr std::size_t control_line_max = 4096;         // of a request
inline constexpr std::size_t control_answer_max = 16U << 20;  // of an answer, for its reader

enum class Command : unsigned char { status, reload, reopen, stop, quit, zones, upstream, purge };
std::optional<Command> command_named(std::string_view name);
std::string_view name(Command command);

struct Request {
  Request(Command its_command) : command(its_command) {}  // a bare word, most of the time
  explicit Request(PeerCommand its_order)
      : command(Command::upstream), order(std::move(its_order)) {}
  explicit Request(PurgeCommand its_purge) : command(Command::purge), purge(std::move(its_purge)) {}

  Command command;
  std::optional<PeerCommand> order;   // of upstream; nullopt: it lists
  std::optional<PurgeCommand> purge;  // of purge, never without
  bool operator==(const Request&) const = default;
};
// nullopt: not a request of ours.
std::optional<Request> parse_request(std::string_view line);
std::string request_line(const Request& request);

struct Answer {
  bool ok = false;
  std::string error;                 // why not
  std::string report;                // warnings of a configuration
  std::vector<std::string> changes;  // of a reload
  std::uint64_t generation = 0;      // 0: not said
  int exit_code = 0;                 // what -s should exit with
  std::string status;  // JSON document, embedded as it is; of `status`, `upstream`, `zones`
  std::string done;    // of an order, for people
};
std::string answer_line(const Answer& answer);
std::optional<Answer> parse_answer(std::string_view line);

// The socket that is always there, for weir -s, beside the pid file.
std::string private_socket_path(std::string_view pid_path);

}  // namespace weir::process
