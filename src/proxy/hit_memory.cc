#include "proxy/hit_memory.h"

#include <xxhash.h>

#include <array>
#include <utility>

#include "proxy/cache_plan.h"
#include "proxy/router.h"

namespace weir {

using cache::Found;

cache::Reader find_again(const RepeatableHit& hit, std::int64_t now_ms) {
  if (now_ms < hit.from_ms || now_ms >= hit.until_ms) return {};
  cache::Store& store = *hit.location->cache->store;
  Found found = store.find(hit.key);
  if (!hit.variant.text.empty()) {
    const bool same = found.kind == Found::Kind::vary && found.reader.fields() == hit.mark &&
                      !found.reader.soft_purged();
    if (!same) return {};
    found = store.find(hit.variant);
  }
  const bool same = found.kind == Found::Kind::answer &&
                    found.reader.stored_seq() == hit.stored_seq && !found.reader.soft_purged();
  if (!same || hit.copy.text.empty()) return same ? std::move(found.reader) : cache::Reader{};
  // Its key names the body that was just found.
  found = store.find(hit.copy);
  if (found.kind != Found::Kind::answer) return {};
  return std::move(found.reader);
}

// Whole sets: an odd one out has no partner.
HitMemory::HitMemory(std::size_t requests) : entries_((requests + ways - 1) / ways * ways) {}

const HitMemory::Remembered* HitMemory::find(const Request& request) {
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
  entry->remembered = {hit, kept[1]};
  entry->remembered.hit.key.text = kept[2];
  entry->remembered.hit.variant.text = kept[3];
  entry->remembered.hit.mark = kept[4];
  entry->remembered.hit.copy.text = kept[5];
}

}  // namespace weir
