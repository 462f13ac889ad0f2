// Paths against a plain normaliser made of whole segments, and authorities against themselves.
#include <string>

#include "http/host.h"
#include "http/uri.h"
#include "test/fuzz/fuzz.h"
#include "test/fuzz/plain_path.h"

namespace weir::fuzz {
namespace {

void run_path(std::string_view path, const TargetRules& rules) {
  if (!path.starts_with('/')) return;
  Arena arena;
  const auto normal = normalise_path(path, rules, arena);
  const std::string plain = plain_normal(std::string(path), rules);
  check(static_cast<bool>(normal) == !plain.empty());
  if (!normal) return;
  check(normal->path == plain);
  const auto again = normalise_path(normal->path, rules, arena);
  check(again && again->path == normal->path);
  check(again->only_unreserved);
  if (normal->only_unreserved) check(path.size() >= normal->path.size());
}

void run_authority(std::string_view text) {
  Arena arena;
  const auto authority = parse_authority(text, arena);
  if (!authority) return;
  const auto again = parse_authority(authority->host, arena);
  check(again && again->host == authority->host && again->kind == authority->kind);
  check(authority->host.find_first_of("/\\@?# \t\r\n%") == std::string_view::npos);
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(uri_path) {
  if (input.empty() || input.size() > 8192) return;
  const auto options = static_cast<unsigned char>(input.front());
  weir::fuzz::run_path(input.substr(1), {.merge_slashes = (options & 1) != 0,
                                         .reject_encoded_slash = (options & 2) != 0});
  weir::fuzz::run_authority(input.substr(1));
}
