#include "guard/sha256.h"

#include <doctest/doctest.h>

#include <string>

namespace weir {
namespace {

std::string hex(const Sha256::Digest& digest) {
  std::string out;
  for (const std::uint8_t byte : digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

TEST_CASE("sha256: the vectors of FIPS 180, whole and in pieces") {
  CHECK(hex(Sha256::of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(hex(Sha256::of("abc")) == abc);
  Sha256 sha;
  for (int times = 0; times < 2; ++times) {
    sha.begin();
    for (const char* piece : {"a", "", "bc"}) sha.add(piece);
    CHECK(hex(sha.end()) == abc);
  }
}

}  // namespace
}  // namespace weir
