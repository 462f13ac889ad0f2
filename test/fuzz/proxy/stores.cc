#include "test/fuzz/proxy/stores.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "cache/rules.h"
#include "shm/zone.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/proxy/kernel.h"

namespace weir::fuzz {

BlankStores::BlankStores(const conf::Config& config, shm::SlotId slot) {
  [[maybe_unused]] Kernel
      no_chance;  // the same secrets in each process, and so the same places for keys
  for (const conf::CacheConf& conf : config.caches) {
    auto made = cache::Store::create(conf.name, cache::store_sizes(conf));
    check(static_cast<bool>(made));
    const std::span<std::byte> body = (*made)->zone().body();
    const void* const mapped =
        ::mmap(body.data(), body.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
               (*made)->zone().fd(), static_cast<off_t>(shm::header_bytes));
    check(mapped == body.data());
    (*made)->enter(slot);
    stores_.push_back(std::move(*made));
  }
}

void BlankStores::blank() const {
  for (const auto& store : stores_) {
    const std::span<std::byte> body = store->zone().body();
    check(::madvise(body.data(), body.size(), MADV_DONTNEED) == 0);
    // What an earlier run wanted to hear of.
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(store->wake_fd(), &count, sizeof count);
  }
}

}  // namespace weir::fuzz
