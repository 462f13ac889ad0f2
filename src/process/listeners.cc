#include "process/listeners.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/log.h"

namespace weir::process {
namespace {

std::string failure(std::string_view call, const Address& address) {
  return fmt::format("{} to {} failed ({}: {})", call, address.to_string(), errno,
                     std::strerror(errno));
}

void add_once(WantedListens& out, const conf::ListenConf& listen) {
  const auto same = [&](const conf::ListenConf* other) { return other->address == listen.address; };
  if (std::none_of(out.begin(), out.end(), same)) out.push_back(&listen);
}

// SO_REUSEPORT lets any process of this user in: workers of a master that was killed, which is
// welcome, and a second instance that somebody forgot, which is not.
void warn_when_shared(const Address& address, BindOptions options) {
  options.reuse_port = false;
  if (bind_tcp(address, options) || errno != EADDRINUSE) return;
  log::warn("{} is open already: connections are shared with another process of this user",
            address.to_string());
}

int backlog_of(const conf::ListenConf& listen) {
  return std::min(static_cast<int>(listen.backlog), somaxconn());
}

}  // namespace

WantedListens listens_of(const conf::Config& config) {
  WantedListens out;
  for (const auto& server : config.servers) {
    for (const auto& listen : server.listens) add_once(out, listen);
  }
  return out;
}

WantedListens admin_listens_of(const conf::Config& config) {
  WantedListens out;
  for (const auto& listen : config.admin.listens) {
    if (listen.address.is_ip()) add_once(out, listen);
  }
  return out;
}

Listeners::Group* Listeners::find(const Address& address) {
  const auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const Group& group) { return group.address == address; });
  return found == groups_.end() ? nullptr : &*found;
}

std::string Listeners::bind_missing(Group& group, unsigned workers) {
  if (group.address.is_unix()) {
    if (!group.shards.empty()) return {};
    auto bound = bind_unix(group.address.path(), static_cast<mode_t>(group.next->mode));
    if (!bound) return failure(bound.error().what, group.address);
    group.unix_pending = std::move(*bound);
    return {};
  }
  BindOptions options;
  options.ipv6_only = group.next->ipv6only;
  if (group.fresh && group.pending.empty()) warn_when_shared(group.address, options);
  while (group.shards.size() + group.pending.size() < workers) {
    auto fd = bind_tcp(group.address, options);
    if (!fd) return failure(fd.error().what, group.address);
    group.pending.push_back(std::move(*fd));
  }
  return {};
}

std::string Listeners::prepare(const WantedListens& wanted, unsigned workers) {
  workers_ = workers;
  for (auto& group : groups_) group.next = nullptr;
  for (const auto* listen : wanted) {
    Group* group = find(listen->address);
    if (group == nullptr) {
      groups_.emplace_back();
      group = &groups_.back();
      group->address = listen->address;
      group->fresh = true;
    }
    group->next = listen;
    if (std::string why = bind_missing(*group, workers); !why.empty()) {
      denied_ = errno == EACCES || errno == EPERM;
      rollback();
      return why;
    }
  }
  return {};
}

std::string Listeners::listen_pending(Group& group) {
  const int backlog = backlog_of(*group.next);
  if (group.address.is_unix()) {
    if (group.unix_pending.fd) {
      if (const auto done = publish_unix(group.unix_pending, backlog); !done) {
        return failure(done.error().what, group.address);
      }
      group.shards.push_back(std::move(group.unix_pending.fd));
    } else {
      ::chmod(group.unix_pending.path.c_str(), static_cast<mode_t>(group.next->mode));
    }
    return {};
  }
  for (auto& fd : group.pending) {
    if (const auto done = listen_on(fd.get(), backlog); !done) {
      return failure(done.error().what, group.address);
    }
    group.shards.push_back(std::move(fd));
  }
  group.pending.clear();
  for (const auto& fd : group.shards) {
    if (const auto done = listen_on(fd.get(), backlog); !done) {
      return failure(done.error().what, group.address);
    }
  }
  return {};
}

void Listeners::steer(Group& group) {
  if (group.address.is_unix() || group.shards.size() < 2) return;
  std::optional<unsigned> count;
  if (group.shards.size() > workers_) count = workers_;
  if (const auto done = steer_at_random(group.shards.front().get(), count); !done) {
    // The kernel's own hash stays: uneven, nothing is lost.
    log::warn("{}", failure(done.error().what, group.address));
  }
}

std::string Listeners::commit() {
  for (auto& group : groups_) {
    if (group.next == nullptr) continue;
    if (std::string why = listen_pending(group); !why.empty()) {
      rollback();
      return why;
    }
  }
  for (auto& group : groups_) {
    group.in_use = group.next != nullptr;
    group.fresh = false;
    group.committed = group.shards.size();
    if (group.in_use) steer(group);
    group.next = nullptr;
  }
  return {};
}

void Listeners::rollback() {
  for (auto& group : groups_) {
    for (auto& fd : group.pending) fd.reset();
    group.pending.clear();
    if (group.unix_pending.fd) discard_unix(group.unix_pending);
    group.next = nullptr;
    group.shards.resize(group.committed);  // a commit may have failed half way
  }
  std::erase_if(groups_, [](const Group& group) { return group.fresh; });
}

bool Listeners::preparing() const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [](const Group& group) { return group.next != nullptr; });
}

std::vector<Address> Listeners::removed() const {
  std::vector<Address> out;
  for (const auto& group : groups_) {
    if (!group.in_use && !group.shards.empty()) out.push_back(group.address);
  }
  return out;
}

void Listeners::forget_removed() {
  assert(!preparing());
  for (const auto& group : groups_) {
    if (!group.in_use && group.address.is_unix()) ::unlink(group.unix_pending.path.c_str());
  }
  std::erase_if(groups_, [](const Group& group) { return !group.in_use; });
}

std::vector<Listeners::Shard> Listeners::all_of(const WantedListens& wanted) const {
  std::vector<Shard> out;
  for (std::uint32_t i = 0; i < wanted.size(); ++i) {
    for (const auto& group : groups_) {
      if (group.address != wanted[i]->address) continue;
      std::uint32_t shard = 0;
      for (const auto& fd : group.shards) out.push_back({wanted[i], i, shard++, fd.get()});
      for (const auto& fd : group.pending) out.push_back({wanted[i], i, shard++, fd.get()});
      if (group.unix_pending.fd)
        out.push_back({wanted[i], i, shard++, group.unix_pending.fd.get()});
    }
  }
  return out;
}

std::vector<Listeners::Shard> Listeners::shards_of(const WantedListens& wanted, unsigned worker,
                                                   unsigned workers) const {
  std::vector<Shard> out = all_of(wanted);
  std::erase_if(out, [&](const Shard& shard) {
    return !shard.listen->address.is_unix() && shard.shard % workers != worker;
  });
  return out;
}

std::size_t Listeners::socket_count() const {
  std::size_t count = 0;
  for (const auto& group : groups_) count += group.shards.size() + group.pending.size();
  return count;
}

void Listeners::unlink_unix_sockets() {
  for (const auto& group : groups_) {
    if (group.address.is_unix()) ::unlink(group.unix_pending.path.c_str());
  }
}

}  // namespace weir::process
