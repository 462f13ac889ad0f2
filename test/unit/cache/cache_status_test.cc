#include "cache/cache_status.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace weir::cache {
namespace {

std::string text_of(const CacheStatus& status, std::string before = {}) {
  append_cache_status(status, before);
  return before;
}

TEST_CASE("cache-status: as RFC 9211 writes it") {
  CacheStatus hit;
  hit.hit = true;
  hit.ttl = 376'500;
  CHECK(text_of(hit) == "weir; hit; ttl=376");
  CHECK(text_of(hit, "origin-cache; hit") == "origin-cache; hit, weir; hit; ttl=376");
  hit.ttl = -412'000;
  CHECK(text_of(hit) == "weir; hit; ttl=-412");
  hit.ttl = -1;
  CHECK(text_of(hit) == "weir; hit; ttl=-1");
  hit.ttl = 0;
  hit.detail = "max-stale";
  CHECK(text_of(hit) == "weir; hit; ttl=0; detail=\"max-stale\"");

  CacheStatus miss;
  miss.forward = Forward::uri_miss;
  CHECK(text_of(miss) == "weir; fwd=uri-miss");
  miss.forward_status = 200;
  miss.stored = true;
  CHECK(text_of(miss) == "weir; fwd=uri-miss; fwd-status=200; stored");
  miss.stored = false;
  miss.collapsed = true;
  CHECK(text_of(miss) == "weir; fwd=uri-miss; fwd-status=200; collapsed");

  CacheStatus validated;
  validated.forward = Forward::stale;
  validated.forward_status = 304;
  validated.stored = true;
  validated.ttl = 60'000;
  CHECK(text_of(validated) == "weir; fwd=stale; fwd-status=304; stored; ttl=60");
  CHECK(text_of({}) == "weir");
}

TEST_CASE("cache-status: each reason to forward has its word (RFC 9211 2.2)") {
  const std::vector<std::pair<Forward, std::string>> words = {
      {Forward::bypass, "bypass"},     {Forward::method, "method"},
      {Forward::uri_miss, "uri-miss"}, {Forward::vary_miss, "vary-miss"},
      {Forward::request, "request"},   {Forward::stale, "stale"},
      {Forward::partial, "partial"}};
  for (const auto& [forward, word] : words) {
    CacheStatus status;
    status.forward = forward;
    CHECK(text_of(status) == "weir; fwd=" + word);
  }
}

TEST_CASE("x-cache: the words") {
  const std::vector<std::pair<Word, std::string_view>> words = {
      {Word::hit, "HIT"},           {Word::miss, "MISS"},
      {Word::stale, "STALE"},       {Word::revalidated, "REVALIDATED"},
      {Word::updating, "UPDATING"}, {Word::bypass, "BYPASS"}};
  for (const auto& [word, text] : words) CHECK(word_text(word) == text);
}

}  // namespace
}  // namespace weir::cache
