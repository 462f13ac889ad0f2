// PURGE: an operator or an origin drops stored answers by a request, as others' caches take it too.
#include "cache/key.h"
#include "cache/tags.h"
#include "proxy/cache_key.h"
#include "proxy/cache_plan.h"
#include "proxy/cache_stage.h"
#include "proxy/errors.h"
#include "proxy/exchange.h"

namespace weir {

bool is_purge(const ExchangeState& state) {
  const LocationPlan& location = *state.location;
  return !location.purge.empty() && location.cache != nullptr &&
         state.request().method_text == "PURGE";
}

Purged purge_uri(const CachePlan& plan, ExchangeState& state, std::string_view key, bool soft) {
  const std::string_view uri = cache::uri_part(key);
  if (plan.rules.post) plan.store->purge_tag(posts_tag(state, key), soft);
  if (plan.rules.key_fields.empty()) {
    const bool found = plan.store->purge(plan.store->key(uri), soft);
    return found || plan.rules.post ? Purged::something : Purged::nothing;
  }
  const std::string_view mark{&cache::key_mark, 1};
  const bool taken = plan.store->purge_prefix(state.arena().join({uri, mark}), soft);
  return taken ? Purged::something : Purged::not_now;
}

bool CacheStage::purge() {
  cache::Store& store = *plan_.store;
  const auto order = cache::purge_order(state_.request());
  Reply answer;
  answer.status = 200;
  answer.plain = true;
  answer.content_type = "text/plain";
  answer.body = "purged\n";
  if (!order) {
    answer.status = 400;
    answer.body = "too many surrogate keys in one request\n";
    exchange_.reply(answer);
    return true;
  }
  bool done = true;
  switch (order->kind) {
    case cache::PurgeOrder::Kind::tags:
      for (const std::string_view tag : order->tags.all())
        store.purge_tag(cache::Store::tag_hash(tag), order->soft);
      break;
    case cache::PurgeOrder::Kind::prefix:
      done = store.purge_prefix(cache::uri_part(cache_key_text(state_, order->request_uri)),
                                order->soft);
      break;
    case cache::PurgeOrder::Kind::uri:
      switch (purge_uri(plan_, state_, cache_key_text(state_), order->soft)) {
        case Purged::something: break;
        case Purged::nothing: answer.body = "nothing was stored\n"; break;
        case Purged::not_now: done = false; break;
      }
      break;
  }
  if (!done) {
    answer.status = 503;
    answer.body = "too many purges are being worked on; try again\n";
  }
  exchange_.reply(answer);
  return true;
}

}  // namespace weir
