// Shared by the fuzz targets: their one form, a check that stays in every build, and pieces of the
// input.
//
// A target is FUZZ_TARGET(its file's name) { ... input ... }. In fuzz builds it is libFuzzer's
// entry; in all others it is known by name, and the unit tests run it over its corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace weir::fuzz {

inline void check(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: check failed\n", file, line);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// All targets of a program, in a list that is made before main().
struct Target {
  const char* name;
  void (*run)(std::string_view input);
  Target* next;
  static inline Target* first = nullptr;
  Target(const char* its_name, void (*its_run)(std::string_view))
      : name(its_name), run(its_run), next(first) {
    first = this;
  }
};

#ifdef WEIR_FUZZ
#define FUZZ_TARGET(name)                                                             \
  static void fuzz_##name(std::string_view input);                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name(weir::fuzz::text_of(data, size));                                     \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_##name(std::string_view input)
#else
#define FUZZ_TARGET(name)                                            \
  static void fuzz_##name(std::string_view input);                   \
  static const weir::fuzz::Target target_##name(#name, fuzz_##name); \
  static void fuzz_##name(std::string_view input)
#endif

// Cuts text into pieces whose sizes depend on `seed`, so that every split is tried sooner or later.
class Pieces {
 public:
  Pieces(std::string_view text, std::uint32_t seed) : rest_(text), seed_(seed) {}
  bool next(std::string_view& piece) {
    if (rest_.empty()) return false;
    seed_ = seed_ * 1664525 + 1013904223;
    const std::size_t wanted = 1 + (seed_ >> 16) % 17;
    piece = rest_.substr(0, wanted);
    rest_.remove_prefix(piece.size());
    return true;
  }

 private:
  std::string_view rest_;
  std::uint32_t seed_;
};

}  // namespace weir::fuzz
