#include "process/control_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "conf/load.h"
#include "os/process.h"
#include "os/socket.h"
#include "process/boot.h"
#include "process/pid_file.h"
#include "process/zone_check.h"
#include "shm/check.h"

namespace weir::process {
namespace {

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }
void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// Names need not be resolved to find a pid file.
class Unresolved : public conf::InputSource {
 public:
  conf::InputFile read(const std::string& path, std::size_t bytes_max) override {
    return live_->read(path, bytes_max);
  }
  conf::InputMatches match(const std::string& pattern) override { return live_->match(pattern); }
  conf::InputName resolve(const std::string&) override { return {{}, "not looked up"}; }

 private:
  std::unique_ptr<conf::InputSource> live_ = conf::live_source();
};

// `pid` of [main] in a file that load() refuses.
std::string scan_for_pid(conf::Inputs& inputs, const conf::LoadOptions& options) {
  std::string found;
  bool in_main = false;
  const conf::InputFile& file = inputs.file(options.file);
  for (const std::string_view line : split(file.bytes, '\n')) {
    const std::string_view text = trim(line, " \t\r");
    if (text.starts_with('[')) in_main = text.starts_with("[main]");
    const auto equals = text.find('=');
    if (!in_main || equals == text.npos || trim(text.substr(0, equals)) != "pid") continue;
    found = std::string(trim(text.substr(equals + 1), " \t\""));
  }
  return found.empty() ? "/run/weir/weir.pid" : conf::relative_to_prefix(found, options.prefix);
}

// Reads to the end of the connection; the descriptors come with the first bytes.
std::string read_answer(const Fd& fd, std::vector<Fd>& fds) {
  std::string out;
  std::array<char, 65536> bytes;
  while (out.size() < control_answer_max) {
    Packet packet = receive_packet(fd.get(), bytes.data(), bytes.size());
    if (packet.state != Packet::State::got) break;
    out.append(bytes.data(), packet.size);
    for (auto& received : packet.fds) fds.push_back(std::move(received));
  }
  return out;
}

// The master answers stop and quit as its last act; after that only its exit is to come. Who asked
// may start the next instance, or remove the folder, as soon as we return.
void wait_for_exit(const Fd& master) {
  constexpr int limit_ms = 5000;
  pollfd exit{master.get(), POLLIN, 0};
  while (::poll(&exit, 1, limit_ms) < 0 && errno == EINTR) {
  }
}

Asked no_answer(std::string error, int exit_code) {
  Asked out;
  out.error = std::move(error);
  out.exit_code = exit_code;
  return out;
}

}  // namespace

Asked ask(const std::string& socket_path, const Request& asked, std::chrono::milliseconds limit) {
  const Command command = asked.command;
  auto fd = connect_unix(socket_path, limit);
  if (!fd) {
    const bool denied = errno == EACCES || errno == EPERM;
    const bool absent = errno == ENOENT || errno == ECONNREFUSED;
    std::string why = absent ? fmt::format("no instance is running ({})", socket_path)
                             : fmt::format("{} to {} failed ({}: {})", fd.error().what, socket_path,
                                           errno, std::strerror(errno));
    return no_answer(std::move(why), denied   ? exit_not_permitted
                                     : absent ? exit_not_running
                                              : exit_failure);
  }
  Fd master;  // opened before it may go, so that the pid can't be another's
  if (command == Command::stop || command == Command::quit) {
    const auto peer = peer_credentials(fd->get());
    auto opened = peer ? pidfd_of(peer->pid) : Result<Fd>(Error{Side::self, "SO_PEERCRED"});
    if (opened) master = std::move(*opened);
  }
  const std::string request = request_line(asked);
  if (::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return no_answer("the instance closed the connection", exit_not_permitted);
  }
  Asked out;
  const std::string line = read_answer(*fd, out.fds);
  out.answer = parse_answer(line);
  if (!out.answer) {
    out.error = line.empty() ? "the instance gave no answer" : "the answer makes no sense";
    out.exit_code = exit_failure;
    return out;
  }
  if (master && out.answer->ok) wait_for_exit(master);
  out.exit_code = out.answer->ok ? exit_ok : out.answer->exit_code;
  if (!out.answer->ok && out.exit_code == exit_ok) out.exit_code = exit_failure;
  return out;
}

std::string pid_path_of(const Options& options) {
  const conf::LoadOptions load_options = load_options_of(options);
  conf::Inputs inputs(std::make_unique<Unresolved>());
  const conf::Loaded loaded = conf::load(inputs, load_options);
  return loaded.config ? loaded.config->main.pid->path : scan_for_pid(inputs, load_options);
}

std::string control_socket_of(const Options& options) {
  const conf::LoadOptions load_options = load_options_of(options);
  conf::Inputs inputs(std::make_unique<Unresolved>());
  const conf::Loaded loaded = conf::load(inputs, load_options);
  if (!loaded.config) return private_socket_path(scan_for_pid(inputs, load_options));
  std::string own = private_socket_path(loaded.config->main.pid->path);
  if (::access(own.c_str(), R_OK | W_OK) == 0) return own;
  for (const auto& listen : loaded.config->admin.listens) {
    if (listen.address.is_unix()) return std::string(listen.address.path());
  }
  return own;
}

int print_answer(std::string_view program, const Asked& asked, Command command, bool quiet) {
  if (!asked.answer) {
    say(fmt::format("{}: {}\n", program, asked.error));
    return asked.exit_code;
  }
  const Answer& answer = *asked.answer;
  if (!answer.report.empty()) say(answer.report + "\n");
  if (!answer.ok) {
    say(fmt::format("{}: {} failed: {}\n", program, name(command), answer.error));
    return asked.exit_code;
  }
  if (!answer.status.empty()) print(answer.status + "\n");
  if (!answer.done.empty() && !quiet) print(answer.done + "\n");
  if (command == Command::reload && !quiet) {
    print(fmt::format("generation {} serves\n", answer.generation));
    if (answer.changes.empty()) print("nothing has changed\n");
    for (const auto& change : answer.changes) print(change + "\n");
  }
  return exit_ok;
}

int send_signal_to_instance(const Options& options) {
  const auto command = command_named(options.argument);
  if (!command) return exit_arguments;
  const std::string pid_path = pid_path_of(options);
  if (!PidFile::holder(pid_path)) {
    say(fmt::format("weir: no instance is running ({})\n", pid_path));
    return exit_not_running;
  }
  return print_answer("weir", ask(private_socket_path(pid_path), *command), *command,
                      options.quiet);
}

int check_zones_of_instance(const Options& options) {
  return check_zones_at(private_socket_path(pid_path_of(options)));
}

int check_zones_at(const std::string& socket_path) {
  Asked asked = ask(socket_path, Command::zones);
  if (!asked.answer || !asked.answer->ok) {
    return print_answer("weir", asked, Command::zones, false);
  }
  std::array<Fd, shm::zone_kinds.size()> fds;
  if (asked.fds.size() < fds.size()) {
    say("weir: the instance did not send its zones\n");
    return exit_failure;
  }
  std::move(asked.fds.begin(), asked.fds.begin() + fds.size(), fds.begin());
  const auto zones = shm::Zones::attach(std::move(fds));
  if (!zones) {
    say(fmt::format("weir: the zones can't be attached: {}\n", zones.error().what));
    return exit_failure;
  }
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  bool all_ok = false, caches_ok = true;
  print(shm::report(shm::check(**zones, now.count()), all_ok));
  const std::span<Fd> caches = std::span(asked.fds).subspan(shm::zone_kinds.size());
  if (!caches.empty()) print(check_caches(asked.answer->status, caches, caches_ok));
  return all_ok && caches_ok ? exit_ok : exit_failure;
}

}  // namespace weir::process
