// What an origin and a client may say to the cache: any answer and any request, a line each,
// through the whole policy, and through a field block and back.
#include <cstdint>
#include <string>
#include <vector>

#include "cache/field_block.h"
#include "cache/invalidation.h"
#include "cache/key.h"
#include "cache/request_policy.h"
#include "cache/reuse.h"
#include "cache/storable.h"
#include "cache/tags.h"
#include "cache/validation.h"
#include "http/syntax.h"
#include "test/fuzz/fuzz.h"

namespace weir::cache {
namespace {

using fuzz::check;

constexpr std::int64_t now = 1'760'000'000'000;

// "name: value" lines; what no parser lets through is passed over.
void add_lines(std::string_view text, Fields& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (is_token(name) && is_field_value(value)) out.add(name, value);
  }
}

void run_block(const ResponseHead& answer, const ResponseCacheControl& control) {
  std::string block, again;
  check(write_field_block(answer, control, block));
  ResponseHead shown, all;
  check(read_field_block(block, false, shown) && read_field_block(block, true, all));
  check(shown.fields.size() <= all.fields.size());
  check(all.fields.size() <= answer.fields.size());
  check(write_field_block(all, control, again) && again == block);
}

void run_policy(const RequestHead& request, const ResponseHead& answer) {
  Rules rules;
  rules.default_ttl = 1000;
  rules.key_fields = {"accept", "x-a"};
  const RequestPlan plan = plan_request(request, rules, {});
  const Storing storing = judge_answer(plan, answer, rules, {now, now}, false);
  check(storing.stores == storing.why_not.empty());
  run_block(answer, response_cache_control(answer.fields));
  if (storing.stores) {
    check(storing.facts.lifetime >= 0 && storing.facts.initial_age >= 0);
    for (const std::int64_t later : {std::int64_t{0}, std::int64_t{1} << 40}) {
      const Verdict verdict = judge_stored(storing.facts, plan, false, now + later);
      check(verdict.age >= 0);
      if (verdict.reuse == Reuse::fresh) check(verdict.ttl > 0);
    }
  }
  std::string names, key = "k";
  append_key_fields(request.fields, rules, key);
  if (vary_names(answer.fields, names) == Varies::by_fields) {
    append_variant_key(names, request.fields, key);
  }
  check(key.starts_with("k\n"));
  for (const char c : key) check(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');

  ResponseHead merged;
  merge_not_modified(answer, answer, merged);
  selects(answer, answer, now);
  effect_of_head(answer, 1, answer, 1, now);
  Fields conditions = request.fields;
  add_conditions(answer, conditions);
  check(!conditions.has(FieldId::range));
  for (const std::string& uri : invalidated_by(request, "http", answer)) {
    check(uri.starts_with('/') && is_sendable(uri));
  }
  const auto order = purge_order(request);
  check(!order || order->tags.all().size() <= Tags::tags_max);
}

}  // namespace
}  // namespace weir::cache

// The request's lines, an empty line, the answer's lines; the input as a block besides.
FUZZ_TARGET(cache_policy) {
  weir::ResponseHead read;
  weir::cache::read_field_block(input, true, read);
  if (input.empty()) return;
  const auto kind = static_cast<unsigned char>(input[0]);
  const std::size_t middle = std::min(input.find("\n\n"), input.size());
  weir::RequestHead request;
  weir::ResponseHead answer;
  request.method = static_cast<weir::Method>(kind % 10);
  request.authority = "h";
  request.request_uri = "/a/b?c";
  constexpr std::uint16_t statuses[] = {200, 200, 204, 206, 301, 304, 404, 503};
  answer.status = statuses[kind / 10 % 8];
  weir::cache::add_lines(input.substr(0, middle).substr(middle > 0 ? 1 : 0), request.fields);
  weir::cache::add_lines(input.substr(std::min(middle + 2, input.size())), answer.fields);
  weir::cache::run_policy(request, answer);
}
