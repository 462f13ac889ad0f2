#include "shm/ticket_keys.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "shm/snapshot_update.h"

namespace weir::shm {
namespace {

constexpr std::int64_t lifetime_seconds = ticket_rotation_seconds * TicketKeySet::size;

void wipe(void* bytes, std::size_t size) { ::explicit_bzero(bytes, size); }

Result<Ok> fill(std::span<std::uint8_t> bytes) {
  ssize_t got = 0;
  do {
    got = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) return Error{Side::self, "getrandom failed"};
  return Ok{};
}

bool is_set(const TicketKey& key) { return key.not_after > key.not_before; }

}  // namespace

TicketKeySet::~TicketKeySet() { wipe(key.data(), sizeof key); }

const TicketKey* TicketKeySet::current() const { return is_set(key[0]) ? &key[0] : nullptr; }

const TicketKey* TicketKeySet::find(std::span<const std::uint8_t, 16> name,
                                    std::int64_t now) const {
  const auto same = [&](const TicketKey& it) {
    return is_set(it) && now < it.not_after && std::ranges::equal(it.name, name);
  };
  const auto found = std::ranges::find_if(key, same);
  return found == key.end() ? nullptr : &*found;
}

Result<bool> TicketKeys::rotate(std::int64_t now) {
  assert(owned_ != nullptr);
  TicketKeySet set;
  if (!read(set)) return Error{Side::self, "ticket keys could not be read"};
  const TicketKey* const current = set.current();
  if (current != nullptr && now - current->not_before < ticket_rotation_seconds) return false;

  TicketKey fresh{};
  fresh.not_before = now;
  fresh.not_after = now + lifetime_seconds;
  for (const auto bytes : {std::span<std::uint8_t>(fresh.name), std::span<std::uint8_t>(fresh.aes),
                           std::span<std::uint8_t>(fresh.mac)}) {
    if (auto done = fill(bytes); !done) return done.error();
  }
  std::shift_right(set.key.begin(), set.key.end(), 1);
  set.key[0] = fresh;
  wipe(&fresh, sizeof fresh);
  std::array<std::uint64_t, ticket_words> words;
  std::memcpy(words.data(), set.key.data(), sizeof words);
  publish(owned_->keys, words);
  wipe(words.data(), sizeof words);
  return true;
}

bool TicketKeys::read(TicketKeySet& out) const {
  std::array<std::uint64_t, ticket_words> words;
  const bool whole = shared_->keys.read(words);
  if (whole) std::memcpy(out.key.data(), words.data(), sizeof words);
  wipe(words.data(), sizeof words);
  return whole;
}

}  // namespace weir::shm
