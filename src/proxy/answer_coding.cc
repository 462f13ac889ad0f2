#include "proxy/answer_coding.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "http/accept_encoding.h"
#include "http/conditional.h"
#include "http/status.h"
#include "http/syntax.h"

namespace weir {
namespace {

// Digests of the bytes of the content or of the representation in its coding (RFC 9530, and what
// was before it): they are not those of what we send. Unencoded-Digest stays true.
constexpr std::string_view digests[] = {"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"};

// RFC 9110 7.7, RFC 9111 5.2: in an answer, or in a request.
bool says_no_transform(const Fields& fields) {
  if (!fields.has(FieldId::cache_control)) return false;
  for (const Field& field : fields) {
    if (field.id == FieldId::cache_control && list_contains(field.value, "no-transform"))
      return true;
  }
  return false;
}

// What it is coded in. `known` is false where that can't be undone: several codings, or unknown.
struct Present {
  ContentCoding coding = ContentCoding::identity;
  bool known = true;
};

Present present_coding(const Fields& answer) {
  Present out;
  if (!answer.has(FieldId::content_encoding)) return out;
  for (const Field& field : answer) {
    if (field.id != FieldId::content_encoding) continue;
    ListItems items(field.value);
    for (auto item = items.next(); !item.empty(); item = items.next()) {
      const auto coding = content_coding(item);
      if (coding == ContentCoding::identity) continue;
      if (!coding || out.coding != ContentCoding::identity) out.known = false;
      out.coding = coding.value_or(ContentCoding::gzip);
    }
  }
  return out;
}

bool compresses(const conf::LocationConf& conf) {
  return !conf.compress->codings.empty() && *conf.compress_secrets;
}

// Whether its type is one of the list. A 304 or a 206 in several parts need not say the type.
bool right_type(const conf::LocationConf& conf, const ResponseHead& head) {
  const std::string_view type = head.fields.value(FieldId::content_type);
  if (head.status == 304 && type.empty()) return true;
  const std::string_view essence = trim(type.substr(0, type.find(';')));
  if (head.status == 206 && iequals(essence, "multipart/byteranges")) return true;
  return conf.compress_types->match(type);
}

// There is no body, but the client has one: its ETag was weakened or not, and must be found again.
// What the client asks about tells which; where it has both, or asks by date, it is the one of what
// it would get now. Weak where in doubt: a weak tag updates what is stored under the strong one,
// not the other way round (RFC 9111 4.3.4).
AnswerCoding choose_for_304(const ExchangeState& state, const ResponseHead& head) {
  const conf::LocationConf& conf = *state.location->conf;
  const RequestHead& request = state.request();
  const bool compressed = compresses(conf) && right_type(conf, head);
  AnswerCoding out;
  out.varies = compressed;
  const auto tag = parse_entity_tag(head.fields.value(FieldId::etag));
  if (!tag || tag->weak) return out;
  const bool has_strong = asks_about(request, *tag);
  const bool has_weak = asks_about(request, EntityTag{tag->opaque, true});
  if (has_strong != has_weak) {
    out.weakens = has_weak;
    out.varies |= has_weak;
  } else if (compressed) {
    out.weakens =
        AcceptEncoding(request.fields).choose(conf.compress->codings) != ContentCoding::identity;
  }
  return out;
}

AnswerCoding choose_decompression(const ExchangeState& state, const ResponseHead& head,
                                  ContentCoding present) {
  AnswerCoding out;
  out.varies = true;
  const RequestHead& request = state.request();
  const bool wanted = AcceptEncoding(request.fields).accepts(present);
  if (wanted || head.status == 206 || says_no_transform(request.fields)) return out;
  out.kind = AnswerCoding::Kind::decompress;
  out.coding = present;
  out.weakens = true;
  return out;
}

AnswerCoding choose_compression(const ExchangeState& state, const ResponseHead& head) {
  AnswerCoding out;
  out.varies = true;
  const RequestHead& request = state.request();
  if (head.status == 206 || says_no_transform(request.fields)) return out;
  out.coding = AcceptEncoding(request.fields).choose(state.location->conf->compress->codings);
  if (out.coding == ContentCoding::identity) return out;
  out.kind = AnswerCoding::Kind::compress;
  out.weakens = true;
  return out;
}

void add_vary(ExchangeState& state, Fields& fields) {
  constexpr std::string_view name = "Accept-Encoding";
  if (!fields.has(FieldId::vary)) return fields.add(FieldId::vary, name);
  std::string& text = state.memory.text;
  text.clear();
  for (const Field& field : fields) {
    if (field.id != FieldId::vary) continue;
    if (list_contains(field.value, name) || list_contains(field.value, "*")) return;
    text.append(field.value).append(trim(field.value).empty() ? "" : ", ");
  }
  text += name;
  fields.set(FieldId::vary, state.memory.take_text());
}

// Other bytes under the same strong tag are what no cache forgives (RFC 9110 8.8.3).
void weaken_etag(ExchangeState& state, Fields& fields) {
  if (!fields.has(FieldId::etag)) return;
  const auto tag = parse_entity_tag(fields.value(FieldId::etag));
  if (!tag || fields.count(FieldId::etag) > 1) {
    fields.remove(FieldId::etag);  // whatever it is, it is not that of what we send
  } else if (!tag->weak) {
    fields.set(FieldId::etag, state.arena().join({"W/", tag->opaque}));
  }
}

}  // namespace

bool is_digest_of_coded(std::string_view name) {
  return std::any_of(std::begin(digests), std::end(digests),
                     [name](std::string_view digest) { return same_field(name, digest); });
}

AnswerCoding choose_coding(const ExchangeState& state, const ResponseHead& head,
                           std::optional<std::uint64_t> length) {
  const conf::LocationConf& conf = *state.location->conf;
  if (!state.location->codes) return {};
  if (state.request().method == Method::connect || says_no_transform(head.fields)) return {};
  if (head.status == 304) return choose_for_304(state, head);
  if (forbids_body(head.status) || head.status == 205 || length == 0) return {};

  const Present present = present_coding(head.fields);
  if (present.coding != ContentCoding::identity)
    return *conf.decompress && present.known ? choose_decompression(state, head, present.coding)
                                             : AnswerCoding{};
  if (!compresses(conf) || !right_type(conf, head)) return {};
  // The length of a part says nothing of the whole.
  if (head.status != 206 && length && *length < conf.compress_min_length->bytes) return {};
  return choose_compression(state, head);
}

bool apply_coding(const AnswerCoding& coding, ExchangeState& state, ResponseHead& head) {
  Fields& fields = head.fields;
  if (coding.kind != AnswerCoding::Kind::none) {
    if (coding.kind == AnswerCoding::Kind::compress)
      fields.set(FieldId::content_encoding, coding_name(coding.coding));
    else
      fields.remove(FieldId::content_encoding);
    fields.remove(FieldId::accept_ranges);
    for (const std::string_view name : digests) fields.remove(name);
  }
  if (coding.weakens) weaken_etag(state, fields);
  if (coding.varies) add_vary(state, fields);
  return !state.arena().exhausted();
}

}  // namespace weir
