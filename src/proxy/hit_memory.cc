#include "proxy/hit_memory.h"

#include <xxhash.h>

#include <array>
#include <utility>

#include "proxy/cache_plan.h"
#include "proxy/router.h"

namespace weir {

using cache::Found;

cache::Reader HitMemory::find_again(Remembered& known, std::int64_t now_ms) {
  const RepeatableHit& hit = known.hit;
  if (now_ms < hit.from_ms || now_ms >= hit.until_ms) return {};
  cache::Store& store = *hit.location->cache->store;
  Found found = store.find(hit.key);
  const cache::Key* key = &hit.key;
  if (!hit.variant.text.empty()) {
    const bool same = found.kind == Found::Kind::vary && found.reader.fields() == hit.mark &&
                      !found.reader.soft_purged();
    if (!same) return {};
    known.mark = store.sighting(hit.key, found.reader);
    found = store.find(hit.variant);
    key = &hit.variant;
  }
  const bool same = found.kind == Found::Kind::answer &&
                    found.reader.stored_seq() == hit.stored_seq && !found.reader.soft_purged();
  if (!same) return {};
  known.answer = store.sighting(*key, found.reader);
  if (hit.copy.text.empty()) return std::move(found.reader);
  // Its key names the body that was just found.
  found = store.find(hit.copy);
  if (found.kind != Found::Kind::answer) return {};
  return std::move(found.reader);
}

bool HitMemory::still_stands(const Remembered& known, std::int64_t now_ms) {
  const RepeatableHit& hit = known.hit;
  if (now_ms < hit.from_ms || now_ms >= hit.until_ms || !hit.copy.text.empty()) return false;
  cache::Store& store = *hit.location->cache->store;
  return (hit.variant.text.empty() || store.still_sees(known.mark)) &&
         store.still_sees(known.answer);
}

// Whole sets: an odd one out has no partner.
HitMemory::HitMemory(std::size_t requests, std::uint64_t file_bytes)
    : files_(file_bytes), entries_((requests + ways - 1) / ways * ways) {}

HitMemory::Remembered* HitMemory::find(const Request& request) {
  if (entries_.empty()) return nullptr;
  const std::uint64_t hash = XXH3_64bits(request.bytes.data(), request.bytes.size());
  Entry* const set = set_of(hash);
  for (std::size_t way = 0; way < ways; ++way) {
    if (!set[way].is(hash, request)) continue;
    set[way].used = ++step_;
    return &set[way].remembered;
  }
  return nullptr;
}

void HitMemory::keep(const Request& request, const RepeatableHit& hit, std::string_view head) {
  const std::array<std::string_view, 6> texts = {request.bytes,    head,     hit.key.text,
                                                 hit.variant.text, hit.mark, hit.copy.text};
  std::size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  if (entries_.empty() || bytes > bytes_max) return;
  const std::uint64_t hash = XXH3_64bits(request.bytes.data(), request.bytes.size());
  Entry* const set = set_of(hash);
  Entry* entry = set[0].used <= set[1].used ? &set[0] : &set[1];
  for (std::size_t way = 0; way < ways; ++way)
    if (set[way].is(hash, request)) entry = &set[way];

  // Answered the long way, as it is too large to be given from the store: it is counted on.
  const RepeatableHit& known = entry->remembered.hit;
  if (entry->is(hash, request) && hit.from_ms >= known.from_ms && hit.from_ms < known.until_ms &&
      hit.body_bytes == known.body_bytes && hit.stored_seq == known.stored_seq &&
      hit.copy.text == known.copy.text)
    return;

  entry->bytes.clear();
  entry->bytes.reserve(bytes);
  std::array<std::string_view, texts.size()> kept;
  for (std::size_t at = 0; at < texts.size(); ++at) {
    kept[at] = {entry->bytes.data() + entry->bytes.size(), texts[at].size()};
    entry->bytes += texts[at];
  }
  entry->hash = hash;
  entry->used = ++step_;
  entry->listen = &request.listen;
  entry->tls = request.tls;
  entry->request = kept[0];
  Remembered& remembered = entry->remembered;
  remembered.hit = hit;
  remembered.head = kept[1];
  remembered.asked = 0;
  remembered.room = bytes_max - bytes;
  remembered.whole.clear();
  remembered.file.reset();
  remembered.mark = remembered.answer = {};
  remembered.hit.key.text = kept[2];
  remembered.hit.variant.text = kept[3];
  remembered.hit.mark = kept[4];
  remembered.hit.copy.text = kept[5];
}

void HitMemory::keep_whole(Remembered& known, std::span<const iovec> parts) {
  const std::uint64_t total = known.head.size() + known.hit.body_bytes;
  if (total > known.room) return;
  known.whole.reserve(total);
  for (const iovec& part : parts)
    known.whole.append(static_cast<const char*>(part.iov_base), part.iov_len);
}

const AnswerFile* HitMemory::file_of(Remembered& known, cache::Reader& body, std::int64_t now_ms) {
  if (known.file != nullptr || known.asked < asked_for_file ||
      known.hit.body_bytes < AnswerFiles::body_bytes_min)
    return known.file.get();
  if (!files_.has_room(known.head.size() + known.hit.body_bytes)) close_outdated(now_ms);
  known.asked = 0;  // where that failed, so many times more pass before the next attempt
  known.file = files_.make(known.head, body);
  return known.file.get();
}

// Files of heads that are right no more.
void HitMemory::close_outdated(std::int64_t now_ms) {
  const std::int64_t since = now_ms - closed_at_ms_;  // negative: the clock was set back
  if (since >= 0 && since < 100) return;
  closed_at_ms_ = now_ms;
  for (Entry& entry : entries_)
    if (entry.remembered.hit.until_ms <= now_ms) entry.remembered.file.reset();
}

}  // namespace weir
