#include "base/siphash.h"

#include <doctest/doctest.h>

#include <string>

using namespace weir;

TEST_CASE("siphash: the vectors of its authors") {
  const SipKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  std::string text;
  CHECK(siphash(key, text) == 0x726fdb47dd0e0e31U);
  for (char c = 0; c < 15; ++c) text.push_back(c);
  CHECK(siphash(key, text) == 0xa129ca6149be45e5U);
  CHECK(siphash({}, text) != siphash(key, text));
}
