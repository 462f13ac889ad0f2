#include "cache/request_policy.h"

#include "base/text.h"
#include "http/ranges.h"
#include "http/syntax.h"

namespace weir::cache {
namespace {

RequestPlan& refuse(RequestPlan& plan, Forward forward, std::string_view detail) {
  plan.looks_up = plan.stores = false;
  plan.forward = forward;
  plan.detail = detail;
  return plan;
}

bool is_cached_method(Method method, const Rules& rules) {
  switch (method) {
    case Method::get: return true;
    case Method::head: return rules.head;
    case Method::post: return rules.post;
    case Method::put:
    case Method::delete_:
    case Method::connect:
    case Method::options:
    case Method::trace:
    case Method::patch:
    case Method::other: return false;
  }
  return false;
}

// Fields that Connection names end here: the origin answers a request without them, and the key, or
// a Vary, would have them. (Upgrade and TE are no input of an answer that is stored.)
bool ends_fields(const Fields& request) {
  for (const Field& field : request) {
    if (field.id != FieldId::connection) continue;
    ListItems items(field.value);
    for (auto item = items.next(); !item.empty(); item = items.next()) {
      if (!iequals(item, "close") && !iequals(item, "keep-alive") && !iequals(item, "upgrade") &&
          !iequals(item, "te"))
        return true;
    }
  }
  return false;
}

// A part that is not stored is fetched as a part: what it is of may be far too large. What means
// the whole is fetched as the whole, and stored.
bool asks_for_part(const Fields& request) {
  if (!request.has(FieldId::range)) return false;
  return request.count(FieldId::range) > 1 || !asks_for_all(request.value(FieldId::range));
}

}  // namespace

RequestPlan plan_request(const RequestHead& request, const Rules& rules,
                         const RequestSigns& signs) {
  RequestPlan plan;
  const Fields& fields = request.fields;
  plan.control = request_cache_control(fields);
  plan.authorized = fields.has(FieldId::authorization) || fields.has(FieldId::proxy_authorization);
  if (!is_cached_method(request.method, rules)) return refuse(plan, Forward::method, {});
  if (request.form != TargetForm::origin && request.form != TargetForm::absolute) {
    return refuse(plan, Forward::method, {});
  }
  const bool post = request.method == Method::post;
  if (signs.upgrade) return refuse(plan, Forward::request, "upgrade");
  // The key knows nothing of such a body (RFC 9110 9.3.1: it has no meaning here).
  if (signs.has_body && !post) return refuse(plan, Forward::request, "body");
  // Conditions for the origin alone (RFC 9111 4.3.2): what is stored may be older than what the
  // client has.
  if (fields.has(FieldId::if_match) || fields.has(FieldId::if_unmodified_since)) {
    return refuse(plan, Forward::request, "precondition");
  }
  // A 304 is for GET and HEAD (RFC 9110 13.1.2), a part for GET (14.2): whatever these mean here.
  if (post && (fields.has(FieldId::if_none_match) || fields.has(FieldId::range))) {
    return refuse(plan, Forward::request, "precondition");
  }
  plan.keyed_by_body = post;
  plan.looks_up = true;
  const bool whole =
      request.method != Method::head && !plan.control.no_store && !ends_fields(fields);
  const bool part = asks_for_part(fields) && !rules.slices;
  plan.stores = whole && !part;
  plan.renews = whole && part;
  if (signs.bypass) {
    plan.looks_up = false;
    plan.forward = Forward::bypass;
  }
  return plan;
}

Word word_of_forwarded(const RequestPlan& plan) {
  return plan.looks_up || plan.forward == Forward::method ? Word::miss : Word::bypass;
}

void ask_for_all(Fields& request) {
  for (const FieldId id :
       {FieldId::range, FieldId::if_range, FieldId::if_none_match, FieldId::if_modified_since}) {
    if (request.has(id)) request.remove(id);
  }
}

}  // namespace weir::cache
