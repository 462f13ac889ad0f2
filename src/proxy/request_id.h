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

// That of one request: made when it is first asked for, the same from then on.
class RequestId {
 public:
  explicit RequestId(RequestIds& ids) : ids_(ids) {}

  std::string_view text() const {
    if (text_.front() == '\0') text_ = ids_.next();
    return {text_.data(), text_.size()};
  }

 private:
  RequestIds& ids_;
  mutable RequestIds::Text text_{};
};

}  // namespace weir
