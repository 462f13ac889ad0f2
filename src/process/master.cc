#include "process/master.h"

#include <unistd.h>

#include <csignal>

#include <fmt/format.h>

#include "base/log.h"
#include "process/memory_bound.h"
#include "process/options.h"
#include "process/purge_keys.h"
#include "process/status.h"
#include "process/upstream_list.h"
#include "process/zone_check.h"

namespace weir::process {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds stop_grace = std::chrono::seconds(2);
constexpr milliseconds helper_grace = std::chrono::seconds(3);  // of housekeeper and logger
constexpr std::chrono::minutes ticket_check{10};
constexpr std::size_t reloads_waiting_max = 16;

}  // namespace

Master::Master(Poller& poller, shm::Zones& zones, Application& application, Setup setup)
    : instance_(poller, zones, application),
      staff_(instance_),
      retirement_(instance_),
      reload_(instance_, staff_, retirement_),
      respawn_(instance_, staff_),
      watchdog_(instance_),
      orders_(instance_),
      setup_(std::move(setup)),
      control_(poller, [this](const Request& request, const Control::Reply& reply) {
        on_command(request, reply);
      }) {
  instance_.load_options = setup_.load_options;
  instance_.manager = setup_.manager;
  instance_.detached = setup_.detached;
  instance_.children.set_events(
      {[this](Child& child, const Message& message) { on_message(child, message); },
       [this](Child& child, const Ending& ending) { on_death(child, ending); }});
  poller.watch(setup_.signals.fd(), [this] { read_signals(); });
}

Master::~Master() { instance_.poller.forget(setup_.signals.fd()); }

void Master::start(Validator::Reading reading, std::string warnings,
                   const std::function<void(const Reload::Outcome&)>& started) {
  rotate_tickets();
  if (std::string why = control_.open_private(setup_.private_socket); !why.empty()) {
    Reload::Outcome outcome;
    outcome.report = why;
    log::line(log::Level::emerg, "{}", why);
    return started(outcome);
  }
  last_reload_ = Poller::Clock::now();
  const auto done = [this, started](const Reload::Outcome& outcome) {
    if (outcome.ok) {
      watchdog_.start();
      beat_watchdog();
      reloaded({}, outcome);
    } else {
      instance_.ending = true;
    }
    started(outcome);
    if (instance_.ending) leave_step();
  };
  reload_.begin(std::move(reading), std::move(warnings), done);
}

void Master::read_signals() {
  while (const auto signal = setup_.signals.next()) on_signal(*signal);
}

void Master::on_signal(const SignalReceived& signal) {
  log::notice("{} from pid {}", signal_name(signal.number), signal.sender);
  switch (signal.number) {
    case SIGHUP: return want_reload({});
    case SIGUSR1:
      if (std::string why = reopen(); !why.empty()) log::error("{}", why);
      return;
    case SIGWINCH:
      if (setup_.detached) retire_workers();
      return;
    case SIGQUIT: return end(true);
    case SIGTERM:
    case SIGINT: return end(false);
    default: log::warn("{} has no meaning here", signal_name(signal.number));
  }
}

void Master::on_command(const Request& request, const Control::Reply& reply) {
  const Command command = request.command;
  // Those that only look may come every second.
  const bool looks = command == Command::status || command == Command::zones ||
                     (command == Command::upstream && !request.order);
  log::line(looks ? log::Level::debug : log::Level::info, "command \"{}\"", name(command));
  Answer answer;
  answer.ok = true;
  switch (command) {
    case Command::status: answer.status = status(); break;
    case Command::reopen:
      answer.error = reopen();
      answer.ok = answer.error.empty();
      answer.exit_code = answer.ok ? exit_ok : exit_failure;
      break;
    case Command::zones: {
      const auto zones = instance_.zones.fds();
      std::vector<int> fds(zones.begin(), zones.end());
      const cache::Stores* const stores =
          instance_.current != nullptr ? instance_.current->blueprint->stores() : nullptr;
      if (stores != nullptr) answer.status = describe_caches(*stores, fds);
      return reply(answer, fds);
    }
    case Command::reload:
      return want_reload([reply](const Reload::Outcome& outcome) {
        Answer told;
        told.ok = outcome.ok;
        told.generation = outcome.generation;
        told.changes = outcome.changes;
        (outcome.ok ? told.report : told.error) = outcome.report;
        if (!outcome.ok) {
          told.exit_code = outcome.of_configuration ? exit_configuration
                           : outcome.not_permitted  ? exit_not_permitted
                                                    : exit_failure;
        }
        reply(told, {});
      });
    case Command::upstream:
      if (request.order) {
        return orders_.give(*request.order, [reply](bool ok, std::string text) {
          Answer told;
          told.ok = ok;
          told.exit_code = ok ? exit_ok : exit_failure;
          (ok ? told.done : told.error) = std::move(text);
          reply(told, {});
        });
      }
      if (instance_.current != nullptr) {
        answer.status = upstream_list(*instance_.current->config, instance_.zones);
      } else {
        answer.ok = false;
        answer.error = "nothing serves any more";
        answer.exit_code = exit_failure;
      }
      break;
    case Command::purge: return purge(*request.purge, reply);
    case Command::stop:
    case Command::quit:
      farewells_.push_back(reply);  // answered when all is over
      return end(command == Command::quit);
  }
  reply(answer, {});
}

// Looks at the command first: what is wrong with it is longer than a message of the channel.
void Master::purge(const PurgeCommand& command, const Control::Reply& reply) {
  Answer refusal;
  refusal.exit_code = exit_failure;
  refusal.error = "nothing serves any more";
  std::string left;
  if (instance_.current != nullptr) {
    PurgeKeys keys = purge_keys(*instance_.current->config, command);
    refusal.error = std::move(keys.error);
    left = std::move(keys.left);
  }
  if (!refusal.error.empty()) return reply(refusal, {});
  orders_.give(command, [reply, left](bool ok, std::string text) {
    Answer told;
    told.ok = ok && left.empty();
    told.exit_code = told.ok ? exit_ok : exit_failure;
    if (ok && !left.empty()) text += "; but " + left;
    (told.ok ? told.done : told.error) = std::move(text);
    reply(told, {});
  });
}

void Master::on_message(Child& child, const Message& message) {
  if (message.kind == Message::Kind::ready) return on_ready(child);
  if (message.kind == Message::Kind::yielded) return reload_.on_yielded();
  if (message.kind == Message::Kind::ordered) return orders_.on_ordered(message);
  // failed and drained say why a death follows; the death is what counts.
}

void Master::on_ready(Child& child) {
  if (child.state != Child::State::starting) return;  // it was told to go before it was up
  child.state = Child::State::ready;
  child.ready_at = Poller::Clock::now();
  if (reload_.starting(child)) return reload_.on_ready(child);
  child.state = Child::State::serving;
  if (child.role == shm::Role::logger) return;
  // A replacement: its generation is in force already, unless it was retired meanwhile.
  const Generation* current = instance_.current;
  if (current != nullptr && child.generation == current->number) {
    child.channel.send(Message::Kind::go);
  } else {
    child.channel.send(Message::Kind::stop);
  }
}

void Master::on_death(Child& child, const Ending& ending) {
  watchdog_.on_death(child);
  reload_.on_death(child, ending);
  const bool leaving =
      child.state == Child::State::draining || child.state == Child::State::stopping;
  const bool given_up =  // rolled back
      child.role != shm::Role::logger && instance_.find(child.generation) == nullptr;
  if (child.role == shm::Role::housekeeper && child.state == Child::State::draining) {
    reload_.on_yielded();
  }
  if (leaving || given_up) {
    if (!ending.clean() && child.asked_to_die == 0 && !given_up) {
      // A service manager may send TERM to the whole group.
      const bool expected = instance_.ending && from_outside(ending);
      log::line(expected ? log::Level::notice : log::Level::alert,
                "{} {}, generation {} (pid {}) {}", shm::name(child.role), child.index,
                child.generation, child.pid, ending.text());
    }
  } else if (!instance_.ending) {
    respawn_.on_death(child, ending);
  }
  // Not in here: the child is still on the books.
  instance_.poller.after(milliseconds(0), [this] {
    retirement_.sweep();
    if (instance_.ending) leave_step();
  });
}

void Master::want_reload(ReloadDone done) {
  if (instance_.ending) {
    Reload::Outcome refused;
    refused.report = "the instance is ending";
    if (done) done(refused);
    return;
  }
  std::vector<ReloadDone> waiting;
  if (done) waiting.push_back(std::move(done));
  if (wanted_reloads_.size() >= reloads_waiting_max) {
    auto& last = wanted_reloads_.back();
    last.insert(last.end(), waiting.begin(), waiting.end());
  } else {
    wanted_reloads_.push_back(std::move(waiting));
  }
  next_reload();
}

void Master::next_reload() {
  if (reload_.running() || wanted_reloads_.empty() || instance_.ending) return;
  if (reload_timer_ != 0) return;
  const Generation* current = instance_.current;
  const milliseconds interval =
      current != nullptr ? *current->config->main.reload_min_interval : milliseconds(0);
  const auto since = std::chrono::duration_cast<milliseconds>(Poller::Clock::now() - last_reload_);
  if (since < interval) {
    reload_timer_ = instance_.poller.after(interval - since, [this] {
      reload_timer_ = 0;
      next_reload();
    });
    return;
  }
  std::vector<ReloadDone> waiting = std::move(wanted_reloads_.front());
  wanted_reloads_.pop_front();
  while (interval.count() > 0 && !wanted_reloads_.empty()) {  // they came within the interval
    auto& more = wanted_reloads_.front();
    waiting.insert(waiting.end(), more.begin(), more.end());
    wanted_reloads_.pop_front();
  }
  last_reload_ = Poller::Clock::now();
  instance_.manager.reloading("reading the configuration");
  reload_.begin([this, waiting = std::move(waiting)](const Reload::Outcome& outcome) {
    reloaded(waiting, outcome);
  });
}

void Master::reloaded(const std::vector<ReloadDone>& waiting, const Reload::Outcome& outcome) {
  last_outcome_ = outcome;
  if (outcome.ok) {
    const auto& admin = instance_.current->config->admin;
    if (std::string why = control_.follow(admin.listens); !why.empty()) log::error("{}", why);
  }
  if (!instance_.ending) {
    instance_.manager.ready(fmt::format("generation {}{}", outcome.generation,
                                        outcome.ok ? "" : "; the last reload was refused"));
  }
  for (const auto& done : waiting) done(outcome);
  instance_.poller.after(milliseconds(0), [this] { next_reload(); });
}

std::string Master::reopen() {
  std::string why = instance_.logs.reopen();
  staff_.hand_over_logs();
  return why;
}

void Master::retire_workers() {
  Generation* current = instance_.current;
  if (current == nullptr) return;
  if (reload_.running()) reload_.abandon();
  current = instance_.current;
  instance_.current = nullptr;
  retirement_.retire(*current);
}

void Master::end(bool gracefully) {
  if (stopping_now_ || (instance_.ending && gracefully)) return;
  instance_.manager.stopping(gracefully ? "draining" : "stopping");
  reload_.abandon();
  instance_.ending = true;
  if (instance_.current != nullptr) retire_workers();
  if (!gracefully) {
    stopping_now_ = true;
    retirement_.stop_all(stop_grace);
  }
  leave_step();
}

// The order in which the rest goes: workers, compressor, housekeeper, cache keeper, logger, we.
void Master::leave_step() {
  auto& children = instance_.children;
  for (const shm::Role role : {shm::Role::worker, shm::Role::compressor, shm::Role::housekeeper,
                               shm::Role::cache_keeper, shm::Role::logger}) {
    const auto left = children.of_role(role);
    if (left.empty()) continue;
    if (role == shm::Role::worker) return;
    for (Child* child : left) {
      if (child->state != Child::State::stopping) children.stop(*child, helper_grace);
    }
    return;
  }
  if (instance_.poller.stopping()) return;
  instance_.listeners.unlink_unix_sockets();
  instance_.poller.stop(exit_ok);
  log::notice("over");
  if (over_) over_();
  Answer answer;
  answer.ok = true;
  for (const auto& farewell : farewells_) farewell(answer, {});
}

void Master::rotate_tickets() {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  if (const auto rotated = instance_.zones.tickets.rotate(now.count()); !rotated) {
    log::line(log::Level::alert, "no new key for session tickets: {}", rotated.error().what);
  }
  instance_.poller.after(ticket_check, [this] { rotate_tickets(); });
}

void Master::beat_watchdog() {
  const auto interval = instance_.manager.watchdog_interval();
  if (!interval) return;
  instance_.manager.watchdog();
  instance_.poller.after(*interval, [this] { beat_watchdog(); });
}

std::string Master::status() {
  StatusFacts facts;
  facts.generation = instance_.current != nullptr ? instance_.current->number : 0;
  StatusFacts::Master master;
  master.pid = ::getpid();
  master.uptime_s =
      std::chrono::duration_cast<std::chrono::seconds>(Poller::Clock::now() - instance_.started)
          .count();
  for (const auto& generation : instance_.generations) {
    master.generations.push_back(
        {generation->number, std::string(name(generation->state)), generation->workers});
  }
  master.reload_state = std::string(name(reload_.state()));
  if (last_outcome_) {
    master.last_reload = {last_outcome_->ok, last_outcome_->report, last_outcome_->took.count()};
  }
  master.listening_sockets = instance_.listeners.socket_count();
  if (instance_.current != nullptr) {
    facts.upstreams = facts_of(*instance_.current->config);
    facts.stores = instance_.current->blueprint->stores();
    const MemoryBound bound = memory_bound(*instance_.current->config, instance_.application);
    master.memory_bytes_max = bound.bytes;
    master.memory_bound = bound.text;
  }
  facts.master = std::move(master);
  return status_document(instance_.zones, facts);
}

}  // namespace weir::process
