#include "proxy/reply.h"

#include <algorithm>

#include "base/arena.h"
#include "base/text.h"
#include "http/status.h"
#include "http/syntax.h"

namespace weir {
namespace {

constexpr std::string_view html = "text/html";
constexpr std::string_view json = "application/json";
constexpr std::string_view plain_text = "text/plain";

std::string_view decimal(std::uint16_t status, Arena& arena) {
  const char digits[] = {static_cast<char>('0' + status / 100),
                         static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10)};
  return arena.copy({digits, 3});
}

// Which form the client asks for, as far as it says so plainly: the first media type that we have.
std::string_view preferred_type(const Fields& fields) {
  const Field* accept = fields.find(FieldId::accept);
  if (accept == nullptr) return html;
  ListItems items(accept->value);
  for (std::string_view item = items.next(); !item.empty(); item = items.next()) {
    const std::string_view type = trim(item.substr(0, item.find(';')));
    if (iequals(type, json)) return json;
    if (iequals(type, plain_text)) return plain_text;
    if (iequals(type, html) || type == "*/*" || type == "text/*") return html;
  }
  return html;
}

std::string_view standard_page(std::uint16_t status, std::string_view type, Arena& arena) {
  const std::string_view number = decimal(status, arena), reason = reason_phrase(status);
  if (type == json) return arena.join({"{\"status\":", number, ",\"error\":\"", reason, "\"}\n"});
  if (type == plain_text) return arena.join({number, " ", reason, "\n"});
  return arena.join({"<!DOCTYPE html>\n<html><head><title>", number, " ", reason,
                     "</title></head>\n<body><h1>", number, " ", reason, "</h1></body></html>\n"});
}

}  // namespace

std::string_view build_reply(const Reply& reply, const RequestHead& request, ResponseHead& head,
                             Arena& arena) {
  head.clear();
  head.status = reply.status;
  head.reason = reason_phrase(reply.status);
  std::string_view body = reply.body, type = reply.content_type;
  if (body.empty() && !reply.plain && !forbids_body(reply.status)) {
    type = preferred_type(request.fields);
    body = standard_page(reply.status, type, arena);
  }
  if (!type.empty() && !body.empty()) head.fields.add(FieldId::content_type, type);
  if (!reply.location.empty()) head.fields.add(FieldId::location, reply.location);
  if (!reply.challenge.empty()) head.fields.add(FieldId::www_authenticate, reply.challenge);
  if (reply.status == 405 || reply.allow)
    head.fields.add(FieldId::allow, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
  if (reply.status == 503) head.fields.add(FieldId::retry_after, "5");
  return forbids_body(reply.status) ? std::string_view{} : body;
}

void TextSource::start(std::string_view text, BodySink& sink) {
  rest_ = text;
  sink_ = &sink;
  sink.set_source(this);
  resume();
}

void TextSource::resume() {
  if (sink_ == nullptr) return;
  const std::size_t taken = sink_->write(rest_, true);
  if (sink_ == nullptr) return;
  rest_.remove_prefix(std::min(taken, rest_.size()));
  if (!rest_.empty()) return;
  sink_->set_source(nullptr);
  sink_ = nullptr;
}

}  // namespace weir
