#include "upstream/member_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/json.h"
#include "os/address.h"
#include "os/fd.h"

namespace weir {
namespace {

constexpr int version = 1;
constexpr std::size_t bytes_max = 64U << 20;

std::string failure(std::string_view what, const std::string& path) {
  return fmt::format("{} of {} failed ({}: {})", what, path, errno, std::strerror(errno));
}

bool text_of(const Json& from, const char* key, std::string& out) {
  const auto found = from.find(key);
  if (found == from.end() || !found->is_string()) return false;
  out = found->get<std::string>();
  return out.find('\0') == out.npos;
}

bool weight_of(const Json& from, std::uint16_t& out) {
  const auto found = from.find("weight");
  if (found == from.end()) return true;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > 65'535) return false;
  out = found->get<std::uint16_t>();
  return true;
}

bool flag_of(const Json& from, const char* key, bool& out) {
  const auto found = from.find(key);
  if (found == from.end()) return true;
  if (!found->is_boolean()) return false;
  out = found->get<bool>();
  return true;
}

bool address_of(const Json& from, std::string& out) {
  std::string text;
  if (!text_of(from, "address", text)) return false;
  const auto address = Address::parse(text);
  if (!address) return false;
  out = address->to_string();
  return true;
}

bool parse_peer(const Json& from, FoundPeer& out) {
  return from.is_object() && address_of(from, out.address) && text_of(from, "host", out.host) &&
         weight_of(from, out.weight) && flag_of(from, "backup", out.backup);
}

bool parse_set(const Json& from, SavedSet& out) {
  if (!from.is_object() || !text_of(from, "group", out.group) ||
      !text_of(from, "source", out.source)) {
    return false;
  }
  const auto peers = from.find("peers");
  if (peers == from.end() || !peers->is_array() || peers->size() > shm::peers_most) return false;
  for (const Json& peer : *peers) {
    if (!parse_peer(peer, out.peers.emplace_back())) return false;
  }
  put_in_order(out.peers, shm::peers_most);
  return true;
}

bool parse_order(const Json& from, KeptOrder& out) {
  if (!from.is_object() || !text_of(from, "group", out.group) || !address_of(from, out.address)) {
    return false;
  }
  if (from.contains("host") && !text_of(from, "host", out.host)) return false;
  if (from.contains("order")) {
    std::string word;
    if (!text_of(from, "order", word)) return false;
    for (const shm::Order order :
         {shm::Order::drained, shm::Order::disabled, shm::Order::removed}) {
      if (shm::name(order) == word) out.orders.order = order;
    }
    if (out.orders.order == shm::Order::none) return false;
  }
  return weight_of(from, out.orders.weight) && flag_of(from, "added", out.orders.added) &&
         flag_of(from, "backup", out.orders.backup);
}

}  // namespace

std::string print_saved(const Saved& saved) {
  Json sets = Json::array(), orders = Json::array();
  for (const SavedSet& set : saved.sets) {
    Json peers = Json::array();
    for (const FoundPeer& peer : set.peers) {
      Json one{{"address", peer.address}, {"host", peer.host}};
      if (peer.weight != 0) one["weight"] = peer.weight;
      if (peer.backup) one["backup"] = true;
      peers.push_back(std::move(one));
    }
    sets.push_back({{"group", set.group}, {"source", set.source}, {"peers", std::move(peers)}});
  }
  for (const KeptOrder& kept : saved.orders) {
    Json one{{"group", kept.group}, {"address", kept.address}};
    if (kept.orders.order != shm::Order::none) one["order"] = shm::name(kept.orders.order);
    if (kept.orders.weight != 0) one["weight"] = kept.orders.weight;
    if (kept.orders.added) {
      one["host"] = kept.host;
      one["added"] = true;
      if (kept.orders.backup) one["backup"] = true;
    }
    orders.push_back(std::move(one));
  }
  const Json all{{"version", version}, {"sets", std::move(sets)}, {"orders", std::move(orders)}};
  return dump_json(all, 1) + "\n";
}

bool parse_saved(std::string_view text, Saved& out) {
  const Json all = parse_json(text);
  if (!all.is_object() || all.value("version", Json()) != version) return false;
  const auto sets = all.find("sets"), orders = all.find("orders");
  if (sets == all.end() || !sets->is_array() || orders == all.end() || !orders->is_array()) {
    return false;
  }
  Saved read;
  for (const Json& set : *sets) {
    if (!parse_set(set, read.sets.emplace_back())) return false;
  }
  for (const Json& order : *orders) {
    if (!parse_order(order, read.orders.emplace_back())) return false;
  }
  out = std::move(read);
  return true;
}

std::string MemberStore::folder_in(std::string_view state_path) {
  return fmt::format("{}{}upstreams", state_path, state_path.ends_with('/') ? "" : "/");
}

std::string MemberStore::read(Saved& out) const {
  out = {};
  const Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!fd) return errno == ENOENT || errno == ENOTDIR ? "" : failure("open()", path_);
  std::string text;
  std::array<char, 65536> bytes;
  for (;;) {
    const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read()", path_);
    if (got == 0) break;
    text.append(bytes.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) return fmt::format("{} is too big", path_);
  }
  return parse_saved(text, out) ? "" : fmt::format("{} makes no sense", path_);
}

std::string MemberStore::write(const Saved& saved, bool on_disk) const {
  const std::string text = print_saved(saved);
  const std::string temporary = path_ + ".new";
  {
    const Fd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return failure("open()", temporary);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t put = ::write(fd.get(), text.data() + at, text.size() - at);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return failure("write()", temporary);
      at += static_cast<std::size_t>(put);
    }
    if (on_disk && ::fdatasync(fd.get()) != 0) return failure("fdatasync()", temporary);
  }
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return failure("rename()", path_);
  if (!on_disk) return {};
  const std::string folder = path_.substr(0, path_.rfind('/'));
  const Fd parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) return failure("fsync()", folder);
  return {};
}

}  // namespace weir
