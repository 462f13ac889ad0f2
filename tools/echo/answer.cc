#include "tools/echo/answer.h"

#include <array>
#include <cassert>
#include <optional>

#include "base/json.h"
#include "base/text.h"

namespace weir::echo {
namespace {

// One name, several values: an array.
void add_value(Json& object, const std::string& name, std::string value) {
  if (!object.contains(name)) {
    object[name] = std::move(value);
    return;
  }
  Json& present = object[name];
  if (!present.is_array()) present = Json::array({present});
  present.push_back(std::move(value));
}

Json query_params(std::string_view query) {
  Json params = Json::object();
  for (const auto part : split(query, '&')) {
    if (part.empty()) continue;
    const auto equal = part.find('=');
    const auto value = equal == part.npos ? std::string_view{} : part.substr(equal + 1);
    add_value(params, decode_form(part.substr(0, equal)), decode_form(value));
  }
  return params;
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {  // the library's only way to tell; it ends here
    return false;
  }
}

// Writing JSON recurses, so what is nested too deeply is not taken for JSON.
std::optional<Json> parse_bounded(const std::string& text) {
  constexpr int depth_max = 64;
  bool too_deep = false;
  auto parsed = Json::parse(
      text,
      [&too_deep](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > depth_max;
        return !too_deep;  // false: what is below is thrown away at once
      },
      false);
  if (too_deep || parsed.is_discarded()) return std::nullopt;
  return parsed;
}

Json body_json(BodyRecord& body, bool is_json) {
  if (body.size() == 0) return nullptr;
  if (body.whole()) {
    const std::string text(body.kept());
    if (auto parsed = is_json ? parse_bounded(text) : std::nullopt) return std::move(*parsed);
    if (is_utf8(text)) return text;
  }
  Json summary;
  summary["length"] = body.size();
  summary["sha256"] = body.sha256();
  return summary;
}

Json tls_json(const TlsInfo& tls) {
  Json json;
  json["protocol"] = tls.protocol;
  json["cipher"] = tls.cipher;
  json["curve"] = tls.curve;
  json["alpn"] = tls.alpn;
  json["server_name"] = tls.server_name;
  json["resumed"] = tls.reused;
  return json;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lowered = to_lower(c);
  return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

}  // namespace

void BodyRecord::start() {
  kept_.clear();
  size_ = 0;
}

void BodyRecord::hash(std::string_view bytes) {
  [[maybe_unused]] const int done = EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
  assert(done == 1);
}

void BodyRecord::add(std::string_view bytes) {
  const bool was_whole = whole();
  size_ += bytes.size();
  if (was_whole && size_ <= kept_max) {
    kept_.append(bytes);
    return;
  }
  if (was_whole) {  // from here on only the hash remembers
    if (!digest_) digest_.reset(EVP_MD_CTX_new());
    [[maybe_unused]] const int done = EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
    assert(done == 1);
    hash(kept_);
    kept_.clear();
    kept_.shrink_to_fit();
  }
  hash(bytes);
}

std::string BodyRecord::sha256() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned size = 0;
  [[maybe_unused]] const int done =
      whole() ? EVP_Digest(kept_.data(), kept_.size(), sum.data(), &size, EVP_sha256(), nullptr)
              : EVP_DigestFinal_ex(digest_.get(), sum.data(), &size);
  assert(done == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[sum[i] >> 4];
    text += "0123456789abcdef"[sum[i] & 15];
  }
  return text;
}

std::string decode_form(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool room = i + 2 < text.size();
    const int high = room ? hex_digit(text[i + 1]) : -1;
    const int low = room ? hex_digit(text[i + 2]) : -1;
    if (text[i] == '%' && high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

bool is_json_type(std::string_view content_type) {
  const std::string type = lower(trim(content_type.substr(0, content_type.find(';'))));
  return type == "application/json" || type == "text/json" || type.ends_with("+json");
}

std::string describe_head(const RequestHead& head) {
  Json json;
  json["method"] = head.method_text;
  json["path"] = head.form == TargetForm::asterisk ? std::string_view("*") : head.raw_path;
  Json fields = Json::object();
  for (const auto& field : head.fields) {
    add_value(fields, std::string(field.name), std::string(field.value));
  }
  json["headers"] = std::move(fields);
  json["query_params"] = query_params(head.query);
  return dump_json(json, 2);  // always valid, whatever bytes came
}

std::string json_answer(const AnswerParts& parts) {
  Json json;
  json["status"] = parts.status < 400 ? "ok" : "error";
  json["message"] = parts.message;
  if (!parts.head.empty()) {
    json.update(parse_json(parts.head));
    json["body"] =
        parts.body == nullptr ? Json(nullptr) : body_json(*parts.body, parts.body_is_json);
    json["ssl_info"] = parts.tls == nullptr ? Json(nullptr) : tls_json(*parts.tls);
    if (parts.port != 0) json["port"] = parts.port;
  }
  return dump_json(json, 2) + "\n";
}

}  // namespace weir::echo
