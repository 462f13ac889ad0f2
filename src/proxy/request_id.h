// RequestIds: identifiers of requests, 128 bits that no two requests share. xoshiro256++ seeded by
// the kernel once per worker: unique, not secret; no system call per request.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

class RequestIds {
 public:
  using Text = std::array<char, 32>;  // lower-case hexadecimal

  RequestIds();  // seeds from getrandom(2)
  explicit RequestIds(const std::array<std::uint64_t, 4>& seed) : state_(seed) {}
  Text next();

 private:
  std::uint64_t step();
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace weir
