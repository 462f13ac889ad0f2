#include "upstream/ward.h"

#include <algorithm>

#include "base/log.h"
#include "conf/value.h"

namespace weir {
namespace {

using std::chrono::milliseconds;

std::int64_t now_ns() { return clock::now().time_since_epoch().count(); }

std::int64_t ns(conf::Duration time) { return std::chrono::nanoseconds(time).count(); }

std::string lasted(std::int64_t since_ns) {
  const auto time = std::chrono::nanoseconds(std::max<std::int64_t>(now_ns() - since_ns, 0));
  if (time < std::chrono::seconds(10)) {
    return conf::print_duration(std::chrono::floor<milliseconds>(time));
  }
  return conf::print_duration(std::chrono::floor<std::chrono::seconds>(time));
}

std::string_view plural(std::uint64_t count) { return count == 1 ? "" : "s"; }

constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

void UnmadeProbes::tell(clock::Monotonic now) {
  if (count_ == 0 || (told_ && now - *told_ < said_every)) return;
  log::error("{} probe{} of peers could not be made, the last: {}", count_, plural(count_), why_);
  told_ = now;
  count_ = 0;
}

CareGroup::CareGroup(const conf::UpstreamConf& upstream, tls::UpstreamContext* tls,
                     BufferPool& buffers, UnmadeProbes& unmade_probes)
    : conf(upstream), id(shm::group_id(upstream.name)), unmade(unmade_probes) {
  using Check = conf::HealthCheckConf::Kind;
  switch (upstream.health_check->kind) {
    case Check::off: return;
    case Check::http: health.emplace(ProbePlan::Kind::http, upstream, tls, buffers); break;
    case Check::tcp: health.emplace(ProbePlan::Kind::tcp, upstream, nullptr, buffers); break;
    case Check::tls: health.emplace(ProbePlan::Kind::tls, upstream, tls, buffers); break;
  }
  if (upstream.health_check->agent_port != 0) {
    agent.emplace(ProbePlan::Kind::agent, upstream, nullptr, buffers);
  }
}

CareGroup::~CareGroup() = default;

Ward::Ward(Loop& loop, const CareGroup& group, shm::PeerCell& cell, std::uint32_t index,
           conf::PeerConf peer, bool is_static, Deferred& changed)
    : group_(group),
      cell_(cell),
      index_(index),
      peer_(std::move(peer)),
      name_(peer_.address.to_string()),
      static_(is_static),
      changed_(changed),
      window_(ns(peer_.options.fail_timeout)) {
  if (group_.health) {
    health_.emplace(
        loop, *group_.health, peer_.address, peer_.host,
        [](void* self, const ProbeResult& result) {
          return static_cast<Ward*>(self)->health_probed(result);
        },
        this);
  }
  if (group_.agent && peer_.address.is_ip()) {
    agent_.emplace(
        loop, *group_.agent, peer_.address, peer_.host,
        [](void* self, const ProbeResult& result) {
          return static_cast<Ward*>(self)->agent_probed(result);
        },
        this);
  }
}

void Ward::start(milliseconds delay) {
  if (health_) {
    health_->start(first_delay(delay));
  } else {
    forget_health();
  }
  if (agent_) {
    agent_->start(delay);
  } else {
    forget_agent();
  }
  look();
}

// A peer that a predecessor has probed a moment ago is due when it would have been.
milliseconds Ward::first_delay(milliseconds delay) const {
  const std::int64_t last = cell_.probed_ns.load(relaxed);
  if (last == 0) return delay;
  const auto since = std::chrono::nanoseconds(now_ns() - last);
  return std::max(delay, std::chrono::ceil<milliseconds>(interval() - since));
}

shm::PeerWord Ward::word() const { return shm::PeerWord::unpack(cell_.word.load(relaxed)); }

template <class Change>
bool Ward::change_word(Change change) {
  const shm::PeerWord before = word();
  shm::PeerWord after = before;
  change(after);
  if (after == before) return false;
  cell_.word.store(after.pack(), std::memory_order_release);
  changed_.schedule();
  return true;
}

// Nobody checks it any more: what was found once is void.
void Ward::forget_health() {
  const bool changed = change_word([](shm::PeerWord& word) {
    word.health = shm::Health::not_initiated;
    word.probed = false;
  });
  if (!changed) return;
  cell_.since_ns.store(now_ns(), relaxed);
  cell_.failed_in_a_row.store(0, relaxed);
  cell_.passed_in_a_row.store(0, relaxed);
}

void Ward::forget_agent() {
  change_word([](shm::PeerWord& word) {
    word.said = shm::Said::ready;
    word.said_down = false;
    word.share = 0;
  });
  if (cell_.max_conns.exchange(0, relaxed) != 0) changed_.schedule();
}

milliseconds Ward::interval() const {
  const conf::HealthCheckConf& conf = *group_.conf.health_check;
  const shm::PeerWord now = word();
  const bool down = now.probed && now.health != shm::Health::healthy;
  return down && conf.slow_interval.count() != 0 ? conf.slow_interval : conf.interval;
}

void Ward::keep_load(const shm::PeerLoad& load) {
  cell_.load.store(load.cpu | std::uint64_t{load.memory} << 16, relaxed);
  cell_.load_ns.store(now_ns(), relaxed);
}

milliseconds Ward::health_probed(const ProbeResult& result) {
  if (result.kind == ProbeResult::Kind::local) {
    group_.unmade.note(result.why);
    return interval();
  }
  const bool passed = result.kind == ProbeResult::Kind::passed;
  const std::int64_t now = now_ns();
  cell_.probes.store(cell_.probes.load(relaxed) + 1, relaxed);
  cell_.probed_ns.store(now, relaxed);
  cell_.probe_us.store(static_cast<std::uint64_t>(
                           std::chrono::floor<std::chrono::microseconds>(result.took).count()),
                       relaxed);
  if (passed) {
    cell_.healthy_ns.store(now, relaxed);
  } else {
    cell_.probe_failures.store(cell_.probe_failures.load(relaxed) + 1, relaxed);
    shm::set_text(cell_.error, result.why);
  }
  if (result.load) keep_load(*result.load);

  const shm::Health before = word().health;
  const std::int64_t since = cell_.since_ns.load(relaxed);
  HealthState state{before, word().probed, cell_.passed_in_a_row.load(relaxed),
                    cell_.failed_in_a_row.load(relaxed)};
  const HealthChange change = count_probe(
      state, passed, {group_.conf.health_check->fails, group_.conf.health_check->passes});
  cell_.passed_in_a_row.store(state.passed_in_a_row, relaxed);
  cell_.failed_in_a_row.store(state.failed_in_a_row, relaxed);
  if (change == HealthChange::none) return interval();
  if (state.health != before) cell_.since_ns.store(now, relaxed);
  if (before == shm::Health::unreachable) cell_.slow_start_ns.store(now, relaxed);
  change_word([&state](shm::PeerWord& word) {
    word.health = state.health;
    word.probed = state.known;
  });
  tell(change, before, since, result);
  return interval();
}

void Ward::tell(HealthChange change, shm::Health before, std::int64_t since_ns,
                const ProbeResult& result) {
  const std::string& group = group_.conf.name;
  switch (change) {
    case HealthChange::none: return;
    case HealthChange::healthy: {
      const std::uint64_t count = cell_.passed_in_a_row.load(relaxed);
      return log::notice("upstream {}: {} is HEALTHY: {} check{} passed (was {} for {})", group,
                         name_, count, plural(count), shm::name(before), lasted(since_ns));
    }
    case HealthChange::unreachable: {
      const std::uint64_t count = cell_.failed_in_a_row.load(relaxed);
      return log::warn(
          "upstream {}: {} is UNREACHABLE: {} check{} failed, the last: {} (was {} for {})", group,
          name_, count, plural(count), result.why, shm::name(before), lasted(since_ns));
    }
    case HealthChange::no_start:
      return log::warn("upstream {}: {} stays NOT_INITIATED: its check failed: {}", group, name_,
                       result.why);
  }
}

// --- what the agent says

milliseconds Ward::agent_probed(const ProbeResult& result) {
  if (result.kind == ProbeResult::Kind::local) {
    group_.unmade.note(result.why);
  } else if (result.kind == ProbeResult::Kind::passed) {
    agent_answers_ = true;
    obey(*result.agent);
  } else if (agent_answers_) {
    // Whether the peer serves is for the check to find out; what the agent said last holds.
    agent_answers_ = false;
    log::warn("upstream {}: the agent of {} does not answer: {}", group_.conf.name, name_,
              result.why);
  }
  return group_.conf.health_check->interval;
}

void Ward::obey(const AgentReport& report) {
  using Admin = AgentReport::Admin;
  using Service = AgentReport::Service;
  const shm::PeerWord before = word();
  const bool by_load = group_.conf.balance->kind == conf::Balance::least_load;
  if (report.percent && by_load) {
    const std::uint32_t busy = 100 - std::min<std::uint32_t>(*report.percent, 100);
    keep_load({static_cast<std::uint16_t>(busy * 65'535 / 100), 0});
  }
  change_word([&](shm::PeerWord& word) {
    // Under least_load the load has told it already; but nothing is nothing.
    if (report.percent) {
      const bool whole = *report.percent == 100 || (by_load && *report.percent != 0);
      word.share = whole ? std::uint8_t{0} : static_cast<std::uint8_t>(*report.percent + 1);
    }
    switch (report.admin) {
      case Admin::unsaid: break;
      case Admin::ready: word.said = shm::Said::ready; break;
      case Admin::drain: word.said = shm::Said::drain; break;
      case Admin::maintenance: word.said = shm::Said::maintenance; break;
    }
    if (report.service != Service::unsaid) word.said_down = report.service == Service::down;
  });
  if (report.max_conns &&
      cell_.max_conns.exchange(*report.max_conns, relaxed) != *report.max_conns) {
    changed_.schedule();
  }
  const shm::PeerWord after = word();
  if (after.said != before.said) {
    constexpr std::string_view names[] = {"ready", "drain", "maint"};
    log::notice("upstream {}: {} says {} of itself", group_.conf.name, name_,
                names[static_cast<std::size_t>(after.said)]);
  }
  if (after.said_down != before.said_down) {
    log::notice("upstream {}: {} says {} of itself", group_.conf.name, name_,
                after.said_down ? report.why : "up");
    if (after.said_down) shm::set_text(cell_.error, report.why);
  }
}

// --- passive

void Ward::look() {
  const std::int64_t now = now_ns();
  const std::uint64_t failures = cell_.failures.load(relaxed);
  const std::uint64_t counted = cell_.failures_counted.load(relaxed);
  if (failures != counted) {
    cell_.failures_counted.store(failures, relaxed);
    // What ends now was begun before it was left out.
    if (!is_ejected()) window_.add(now, failures - counted);
  }
  const std::int64_t until = cell_.ejected_until_ns.load(relaxed);
  if (until == 0 || now < until) return;
  cell_.slow_start_ns.store(until, relaxed);
  cell_.ejected_until_ns.store(0, relaxed);
  changed_.schedule();
  log::notice("upstream {}: {} is used again, after {}", group_.conf.name, name_,
              conf::print_duration(peer_.options.fail_timeout));
}

bool Ward::is_ejected() const { return now_ns() < cell_.ejected_until_ns.load(relaxed); }

bool Ward::is_fit() const {
  const shm::PeerWord now = word();
  if (now.order != shm::Order::none || peer_.options.down || peer_.options.drain) return false;
  if (now.said != shm::Said::ready || now.said_down || is_ejected()) return false;
  return !group_.is_checked() || now.health == shm::Health::healthy || !now.probed;
}

bool Ward::is_suspect() {
  const std::uint32_t most = peer_.options.max_fails;
  const bool suspect = most != 0 && !is_ejected() && window_.count(now_ns()) >= most;
  if (!suspect) spared_ = false;
  return suspect;
}

void Ward::eject() {
  const std::uint64_t count = window_.count(now_ns());
  const conf::Duration time = peer_.options.fail_timeout;
  const conf::FailOn last{static_cast<std::uint32_t>(cell_.failure.load(relaxed))};
  window_.clear();
  spared_ = false;
  cell_.ejections.store(cell_.ejections.load(relaxed) + 1, relaxed);
  cell_.ejected_until_ns.store(now_ns() + ns(time), relaxed);
  changed_.schedule();
  log::warn("upstream {}: {} is left out for {}: {} failure{} of requests within {}, the last: {}",
            group_.conf.name, name_, conf::print_duration(time), count, plural(count),
            conf::print_duration(time), conf::print_value(last));
}

void Ward::spare(const EjectionScene& scene) {
  if (spared_) return;
  spared_ = true;
  log::warn("upstream {}: {} fails and stays: {} of {} are left out, {} other{} fit",
            group_.conf.name, name_, scene.ejected, scene.members, scene.fit_others,
            scene.fit_others == 1 ? " is" : "s are");
}

}  // namespace weir
