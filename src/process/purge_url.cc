#include "process/purge_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "cache/key.h"
#include "http/scan.h"

namespace weir::process {
namespace {

constexpr std::size_t nowhere = std::string::npos;

// As written: the suffix of $http_user_agent has dashes.
std::string written(const VariableRef& variable) {
  if (variable.id == VariableId::capture) return fmt::format("${}", variable.capture);
  const auto all = variables();
  const auto row = std::find_if(all.begin(), all.end(),
                                [&](const Variable& one) { return one.id == variable.id; });
  std::string name = fmt::format("${}{}", row != all.end() ? row->name : "", variable.suffix);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

// Notes where in the rendered text what stands.
class PurgeUrl::Source final : public Values {
 public:
  struct Notes {
    std::size_t path_end = nowhere;    // behind the first $request_uri or $uri
    std::size_t query_end = nowhere;   // behind the last that has something of the query
    std::size_t query_at = nowhere;    // before the first of $args, $query_string, $arg_NAME
    std::size_t unknown_at = nowhere;  // before the first that the URL does not tell:
    std::string unknown{};
  };
  Source(const PurgeUrl& url, Notes& notes) : url_(url), notes_(notes) {}

  bool append(const VariableRef& variable, std::string& out) const override {
    const RequestHead& head = url_.head_;
    const std::size_t at = out.size();
    switch (variable.id) {
      case VariableId::scheme: out.append(head.scheme); return true;
      case VariableId::https: out.append(head.scheme == "https" ? "on" : ""); return true;
      case VariableId::host: out.append(head.host); return true;
      case VariableId::http_host: out.append(head.authority); return true;
      case VariableId::server_port: out.append(std::to_string(url_.port())); return true;
      case VariableId::request_uri:
        out.append(head.request_uri);
        notes_.query_end = out.size();
        notes_.path_end = std::min(notes_.path_end, out.size());
        return true;
      case VariableId::uri:
        out.append(head.path);
        notes_.path_end = std::min(notes_.path_end, out.size());
        return true;
      case VariableId::is_args: out.append(head.has_query ? "?" : ""); return true;
      case VariableId::args:
      case VariableId::query_string:
        out.append(head.query);
        notes_.query_at = std::min(notes_.query_at, at);
        notes_.query_end = out.size();
        return true;
      case VariableId::arg_:
        if (const auto value = query_argument(head.query, variable.suffix)) out.append(*value);
        notes_.query_at = std::min(notes_.query_at, at);
        return true;
      default:
        if (notes_.unknown_at == nowhere) {
          notes_.unknown_at = at;
          notes_.unknown = written(variable);
        }
        return true;
    }
  }

 private:
  const PurgeUrl& url_;
  Notes& notes_;
};

PurgeUrl::PurgeUrl(std::string_view text) : arena_(16 * 1024) {
  head_.method = Method::get;
  head_.version = Version::http_1_0;  // the one that may come without a Host
  head_.target = text;
  if (!std::all_of(text.begin(), text.end(), scan::is_visible)) {
    error_ = "a URL has no blanks, and other bytes than ASCII only as %XX";
  } else if (text.find("://") == text.npos) {
    error_ = "a URL begins with http:// or https://";
  } else if (const auto done = resolve_host(head_, {}, arena_); !done) {
    error_ = done.error().what;
  } else if (head_.host.empty()) {
    error_ = "the URL has no host";
  }
}

std::uint16_t PurgeUrl::port() const {
  if (head_.port != 0) return head_.port;
  return head_.scheme == "https" ? 443 : 80;
}

std::string_view PurgeUrl::resolve(const TargetRules& rules) {
  const auto done = resolve_path(head_, rules, arena_);
  if (!done) return done.error().what;
  return arena_.exhausted() ? "no memory for so many forms of the URL" : std::string_view{};
}

PurgeUrl::Rendered PurgeUrl::key(const Template& form, const TargetRules& rules) {
  Rendered out;
  out.why = resolve(rules);
  if (!out.why.empty()) return out;
  Source::Notes notes;
  form.render(Source(*this, notes), out.text);
  if (head_.port != 0) {
    out.with_port = out.text;
    cache::append_port(head_.port, out.with_port);
  }
  out.unknown = std::move(notes.unknown);
  return out;
}

// "http://host/a" goes on as "/a/b" or "/ab?c=d": what stands behind the path is not common to
// them. With a query it is the query that goes on.
PurgeUrl::Rendered PurgeUrl::key_prefix(const Template& form, const TargetRules& rules) {
  Rendered out;
  out.why = resolve(rules);
  if (!out.why.empty()) return out;
  Source::Notes notes;
  form.render(Source(*this, notes), out.text);
  const std::size_t end = head_.has_query ? notes.query_end : notes.path_end;
  const std::size_t differs = head_.has_query ? nowhere : notes.query_at;
  if (differs < end || (end == nowhere && differs != nowhere)) {
    out.why = "the query stands before the path in its cache_key";
  }
  if (notes.unknown_at < end || (end == nowhere && notes.unknown_at != nowhere)) {
    out.unknown = std::move(notes.unknown);
  }
  if (end != nowhere) out.text.resize(end);
  return out;
}

}  // namespace weir::process
