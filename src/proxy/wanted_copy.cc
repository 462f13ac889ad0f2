#include "proxy/wanted_copy.h"

#include <algorithm>
#include <bit>

#include "proxy/cache_plan.h"
#include "proxy/router.h"

namespace weir {
namespace {

constexpr unsigned coding_bits = 3, level_bits = 5, window_bits_bits = 6;
constexpr std::uint32_t mask(unsigned bits) { return (1U << bits) - 1; }

}  // namespace

void want_better_copy(const LocationPlan& location, const cache::Key& answer, const cache::Key& key,
                      const cache::Reader& copy, ContentCoding coding) {
  const conf::LocationConf& conf = *location.conf;
  const int wanted = conf.compress_cached_level->of(coding);
  if (wanted == conf::CachedLevels::off || copy.facts().level >= static_cast<unsigned>(wanted))
    return;
  cache::Store& store = *location.cache->store;
  constexpr std::uint32_t counts_to = 0xffff;  // cache/uses.h
  if (store.count_use(key) % std::min(counts_to, *conf.compress_cached_uses) != 0) return;
  // Where there are too many wishes it is asked for again after as many uses.
  store.wish(answer, wish_of({coding, wanted, std::bit_floor(conf.compress_window->bytes)}));
}

std::uint32_t wish_of(const EncoderSpec& spec) {
  const auto window = static_cast<std::uint32_t>(std::bit_width(spec.window));
  return static_cast<std::uint32_t>(spec.coding) |
         static_cast<std::uint32_t>(spec.level) << coding_bits |
         window << (coding_bits + level_bits);
}

std::optional<EncoderSpec> spec_of_wish(std::uint32_t how) {
  const std::uint32_t coding = how & mask(coding_bits);
  const std::uint32_t level = how >> coding_bits & mask(level_bits);
  const std::uint32_t window = how >> (coding_bits + level_bits);
  if (coding == 0 || coding >= content_codings || window == 0 || window > mask(window_bits_bits))
    return std::nullopt;
  return EncoderSpec{static_cast<ContentCoding>(coding), static_cast<int>(level),
                     std::uint64_t{1} << (window - 1)};
}

}  // namespace weir
