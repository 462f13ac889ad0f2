#include "tools/top/source.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "base/json.h"
#include "base/text.h"
#include "process/control_client.h"

namespace weir::top {
namespace {

constexpr std::chrono::milliseconds answer_time{1000};
constexpr std::int64_t ask_every_ns = 5'000'000'000;

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

template <class T>
T value_or(const Json& object, const char* key, T fallback) {
  if (!object.is_object()) return fallback;
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? found->get<bool>() : fallback;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return found->is_number_integer() ? found->get<T>() : fallback;
  } else {
    return found->is_string() ? found->get<T>() : fallback;
  }
}

const Json& array_of(const Json& object, const char* key) {
  static const Json nothing = Json::array();
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : nothing;
}

shm::Order order_named(std::string_view text) {
  for (const auto order : {shm::Order::drained, shm::Order::disabled, shm::Order::removed}) {
    if (shm::name(order) == text) return order;
  }
  return shm::Order::none;
}

// User and system time of a process; -1 when it can't be known.
std::int64_t cpu_ns_of(pid_t pid) {
  char path[64], text[1024];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return -1;
  const std::size_t size = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  std::string_view rest(text, size);
  rest.remove_prefix(std::min(rest.rfind(')'), rest.size() - 1) + 1);  // behind the name
  const auto fields = words(rest);
  if (fields.size() < 13) return -1;
  const auto user = parse_decimal(fields[11]), system = parse_decimal(fields[12]);
  if (!user || !system) return -1;
  const long ticks = std::max(::sysconf(_SC_CLK_TCK), 1L);
  return static_cast<std::int64_t>(*user + *system) * (1'000'000'000 / ticks);
}

}  // namespace

Status parse_status(std::string_view text) {
  Status out;
  const Json document = parse_json(text);
  if (!document.is_object()) return out;
  out.master.answers = true;
  out.master.version = value_or<std::string>(document, "version", "");
  out.master.generation = value_or<std::uint64_t>(document, "generation", 0);
  if (const auto master = document.find("master"); master != document.end()) {
    out.master.pid = value_or<int>(*master, "pid", 0);
    out.master.uptime_ms = value_or<std::int64_t>(*master, "uptime_s", 0) * 1000;
  }
  for (const Json& upstream : array_of(document, "upstreams")) {
    process::UpstreamFacts& facts = out.upstreams.emplace_back();
    facts.name = value_or<std::string>(upstream, "name", "");
    facts.scheme = value_or<std::string>(upstream, "scheme", "http");
    facts.checked = value_or(upstream, "checked", false);
    for (const Json& line : array_of(upstream, "discover")) {
      facts.discover.push_back(
          {value_or<std::uint32_t>(line, "weight", 1), value_or(line, "backup", false)});
    }
    for (const Json& peer : array_of(upstream, "peers")) {
      const auto configured = peer.find("configured");
      if (configured == peer.end() || !configured->is_object()) continue;  // it was discovered
      facts.peers.push_back({value_or<std::string>(peer, "address", ""),
                             value_or<std::string>(peer, "host", ""),
                             value_or<std::uint32_t>(*configured, "weight", 1),
                             value_or(*configured, "backup", false),
                             order_named(value_or<std::string>(*configured, "order", ""))});
    }
  }
  for (const Json& cache : array_of(document, "caches")) {
    const auto number = [&](const char* key) { return value_or<std::uint64_t>(cache, key, 0); };
    CacheReading& reading = out.caches.emplace_back();
    reading = {value_or<std::string>(cache, "name", ""),
               number("bytes"),
               number("bytes_max"),
               number("entries"),
               number("entries_max"),
               number("stored"),
               number("evicted"),
               number("hits"),
               number("misses"),
               number("revalidated"),
               number("bytes_out")};
    const auto disk = cache.find("disk");
    if (disk == cache.end() || !disk->is_object()) continue;
    const auto of_disk = [&](const char* key) { return value_or<std::uint64_t>(*disk, key, 0); };
    reading.disk_bytes = of_disk("bytes");
    reading.disk_bytes_max = of_disk("bytes_max");
    reading.disk_entries = of_disk("entries");
    reading.disk_hits = of_disk("hits");
    reading.disk_write_errors = of_disk("write_errors");
  }
  return out;
}

Source::Trouble Source::attach() {
  process::Asked asked = process::ask(socket_, process::Command::zones, answer_time);
  if (!asked.answer || !asked.answer->ok) {
    return {asked.answer ? asked.answer->error : asked.error, asked.exit_code};
  }
  std::array<Fd, shm::zone_count> fds;
  if (asked.fds.size() < fds.size()) {
    return {"the instance did not send its zones", process::exit_failure};
  }
  std::move(asked.fds.begin(), asked.fds.begin() + fds.size(), fds.begin());  // the caches' follow
  auto zones = shm::Zones::attach(std::move(fds));
  if (!zones) {
    return {std::string("the zones can't be attached: ").append(zones.error().what),
            process::exit_failure};
  }
  zones_ = std::move(*zones);
  asked_ns_ = 0;
  return {};
}

bool Source::newer_generation() const {
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones_->slots.info(i);
    if (info.state == shm::SlotState::ready && info.generation > master_.generation) return true;
  }
  return false;
}

void Source::ask_master(std::int64_t now) {
  const bool due = asked_ns_ == 0 || now - asked_ns_ >= ask_every_ns;
  const bool wanted = master_.answers && (!caches_.empty() || newer_generation());
  if (!due && !wanted) return;
  const process::Asked asked = process::ask(socket_, process::Command::status, answer_time);
  asked_ns_ = now_ns();
  if (!asked.answer || !asked.answer->ok) {
    master_.answers = false;
    return;
  }
  Status status = parse_status(asked.answer->status);
  const bool another = master_.pid != 0 && status.master.pid != master_.pid;
  if (another && !attach().text.empty()) return;
  master_ = std::move(status.master);
  facts_ = std::move(status.upstreams);
  caches_ = std::move(status.caches);
  asked_ns_ = caches_ns_ = now_ns();
}

std::vector<WorkerReading> Source::workers() const {
  constexpr shm::CounterInfo connections{
      {}, shm::CounterKind::gauge, {}, &shm::CounterRow::connections_active};
  constexpr shm::CounterInfo requests{
      {}, shm::CounterKind::counter, {}, &shm::CounterRow::requests};
  std::vector<WorkerReading> out;
  for (std::uint32_t i = 0; i < shm::slot_count; ++i) {
    const shm::SlotInfo info = zones_->slots.info(i);
    if (info.state == shm::SlotState::free || info.role != shm::Role::worker) continue;
    WorkerReading& worker = out.emplace_back();
    worker.slot = i;
    worker.incarnation = info.id.incarnation;
    worker.pid = info.pid;
    worker.generation = info.generation;
    worker.state = shm::name(info.state);
    worker.heartbeat_ns = info.heartbeat_ns;
    worker.connections = zones_->stats.value(i, connections);
    worker.requests = zones_->stats.value(i, requests);
    worker.cpu_ns = cpu_ns_of(info.pid);
    worker.at = zones_->slots.breadcrumb(i);
  }
  return out;
}

Reading Source::read() {
  Reading out;
  ask_master(now_ns());
  out.now_ns = now_ns();
  out.master = master_;
  out.master.uptime_ms += (out.now_ns - asked_ns_) / 1'000'000;
  out.upstreams = process::view_of(zones_->peers, facts_);
  out.workers = workers();
  out.caches = caches_;
  out.caches_ns = caches_ns_;
  (void)zones_->stats.sum(out.counters);  // not exact while rows are retired: so is a next one
  return out;
}

std::string Source::order(PeerCommand::Action action, const std::string& group,
                          const std::string& peer) {
  PeerCommand command;
  command.action = action;
  command.group = group;
  command.peer = peer;
  const auto asked = process::ask(socket_, process::Request(command), answer_time);
  if (!asked.answer) return asked.error;
  return asked.answer->ok ? std::string() : asked.answer->error;
}

}  // namespace weir::top
