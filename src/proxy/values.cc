#include "proxy/values.h"

#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "http/forwarded.h"
#include "http/uri.h"
#include "proxy/client_address.h"
#include "proxy/local_time.h"
#include "proxy/worker_context.h"

namespace weir {
namespace {

bool put(std::string_view text, std::string& out) {
  out.append(text);
  return true;
}

bool put_number(std::uint64_t number, std::string& out) {
  append_format(out, "{}", number);
  return true;
}

bool put_seconds(std::chrono::steady_clock::duration span, std::string& out) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
  append_format(out, "{}.{:03}", ms / 1000, ms % 1000);
  return true;
}

// All fields of a name that has underscores for dashes, joined as nginx does.
bool put_field(const Fields& fields, std::string_view name, std::string& out) {
  bool found = false;
  for (const Field& field : fields) {
    if (!alias_of(field.name, name)) continue;
    if (found) out.append(", ");
    out.append(field.value);
    found = true;
  }
  return found;
}

bool put_field(const Fields& fields, FieldId id, std::string& out) {
  const Field* field = fields.find(id);
  return field != nullptr && put(field->value, out);
}

}  // namespace

bool ExchangeValues::append(const VariableRef& variable, std::string& out) const {
  switch (variable.id) {
    case VariableId::capture: return put(state_.captures.group[variable.capture], out);
    case VariableId::arg_:
    case VariableId::args:
    case VariableId::content_length:
    case VariableId::content_type:
    case VariableId::cookie_:
    case VariableId::host:
    case VariableId::http_:
    case VariableId::http_host:
    case VariableId::is_args:
    case VariableId::proxy_add_x_forwarded_for:
    case VariableId::query_string:
    case VariableId::request:
    case VariableId::request_id:
    case VariableId::request_length:
    case VariableId::request_method:
    case VariableId::request_uri:
    case VariableId::server_protocol:
    case VariableId::uri: return request_value(variable, out);
    case VariableId::connection:
    case VariableId::connection_requests:
    case VariableId::hostname:
    case VariableId::https:
    case VariableId::pid:
    case VariableId::realip_remote_addr:
    case VariableId::remote_addr:
    case VariableId::remote_port:
    case VariableId::remote_user:
    case VariableId::scheme:
    case VariableId::server_addr:
    case VariableId::server_name:
    case VariableId::server_port:
    case VariableId::ssl_cipher:
    case VariableId::ssl_protocol:
    case VariableId::ssl_server_name:
    case VariableId::ssl_session_reused: return connection_value(variable, out);
    case VariableId::body_bytes_sent:
    case VariableId::bytes_sent:
    case VariableId::compression_ratio:
    case VariableId::location:
    case VariableId::msec:
    case VariableId::request_time:
    case VariableId::sent_http_:
    case VariableId::status:
    case VariableId::time_iso8601:
    case VariableId::time_local: return answer_value(variable, out);
    case VariableId::upstream_addr:
    case VariableId::upstream_cache_status:
    case VariableId::upstream_connect_time:
    case VariableId::upstream_header_time:
    case VariableId::upstream_http_:
    case VariableId::upstream_name:
    case VariableId::upstream_response_time:
    case VariableId::upstream_status: return upstream_value(variable, out);
  }
  return false;
}

bool ExchangeValues::request_value(const VariableRef& variable, std::string& out) const {
  const RequestHead& request = state_.request();
  switch (variable.id) {
    case VariableId::arg_: {
      const auto value = query_argument(state_.query, variable.suffix);
      return value && put(*value, out);
    }
    case VariableId::args:
    case VariableId::query_string: return state_.has_query && put(state_.query, out);
    case VariableId::content_length: return put_field(request.fields, FieldId::content_length, out);
    case VariableId::content_type: return put_field(request.fields, FieldId::content_type, out);
    case VariableId::cookie_: {
      const auto value = cookie_value(request.fields, variable.suffix);
      return value && put(*value, out);
    }
    case VariableId::host:
      if (!request.host.empty()) return put(request.host, out);
      if (state_.server == nullptr || state_.server->conf->names.empty()) return false;
      return put(state_.server->conf->names.front().text, out);
    case VariableId::http_: return put_field(request.fields, variable.suffix, out);
    case VariableId::http_host:
      // As it came; what stands in the fields is the canonical form.
      if (request.received_host.data() != nullptr) return put(request.received_host, out);
      return put_field(request.fields, FieldId::host, out);
    case VariableId::is_args: return put(state_.has_query ? "?" : "", out);
    case VariableId::proxy_add_x_forwarded_for: {
      ForwardedBy by;
      by.peer_address = state_.peer_address;
      by.peer_trusted = state_.peer_trusted;
      return put(appended_forwarded_for(request.fields, by, state_.memory.arena), out);
    }
    case VariableId::request: return !request.line.empty() && put(request.line, out);
    case VariableId::request_id: return put(state_.request_id.text(), out);
    case VariableId::request_length: return put_number(state_.client.bytes_received(), out);
    case VariableId::request_method:
      return !request.method_text.empty() && put(request.method_text, out);
    case VariableId::request_uri:
      // A request that was refused before its target was understood has only the target.
      if (!request.request_uri.empty()) return put(request.request_uri, out);
      return !request.target.empty() && put(request.target, out);
    case VariableId::server_protocol: return put(version_text(request.version), out);
    case VariableId::uri: return !state_.path.empty() && put(state_.path, out);
    default: return false;
  }
}

bool ExchangeValues::connection_value(const VariableRef& variable, std::string& out) const {
  const ClientFacts facts = state_.client.facts();
  switch (variable.id) {
    case VariableId::connection: return put_number(facts.serial, out);
    case VariableId::connection_requests: return put_number(facts.requests, out);
    case VariableId::hostname: return put(state_.context.hostname, out);
    case VariableId::https: return put(facts.is_tls ? "on" : "", out);
    case VariableId::pid: return put_number(static_cast<std::uint64_t>(getpid()), out);
    case VariableId::realip_remote_addr:
    case VariableId::remote_addr: {
      const bool socket =
          variable.id == VariableId::realip_remote_addr || state_.client_address.empty();
      if (!socket) return put(state_.client_address, out);
      char text[64];
      return put(facts.remote.without_mapping().format_ip(text, sizeof text), out);
    }
    case VariableId::remote_port:
      return facts.remote.port() != 0 && put_number(facts.remote.port(), out);
    case VariableId::remote_user:
      return !state_.remote_user.empty() && put(state_.remote_user, out);
    case VariableId::scheme: return put(facts.is_tls ? "https" : "http", out);
    case VariableId::server_addr: {
      char text[64];
      const Address& local =
          facts.connection == nullptr ? state_.listen.address() : facts.connection->local();
      return put(local.without_mapping().format_ip(text, sizeof text), out);
    }
    case VariableId::server_name:
      if (state_.server == nullptr || state_.server->conf->names.empty()) return false;
      if (state_.server->conf->names.front().wildcard) out.push_back('*');
      return put(state_.server->conf->names.front().text, out);
    case VariableId::server_port:
      return state_.listen.address().port() != 0 && put_number(state_.listen.address().port(), out);
    case VariableId::ssl_cipher: return facts.tls != nullptr && put(facts.tls->cipher, out);
    case VariableId::ssl_protocol: return facts.tls != nullptr && put(facts.tls->protocol, out);
    case VariableId::ssl_server_name:
      return facts.tls != nullptr && !facts.tls->server_name.empty() &&
             put(facts.tls->server_name, out);
    case VariableId::ssl_session_reused:
      return facts.tls != nullptr && put(facts.tls->reused ? "r" : ".", out);
    default: return false;
  }
}

bool ExchangeValues::answer_value(const VariableRef& variable, std::string& out) const {
  switch (variable.id) {
    case VariableId::body_bytes_sent: return put_number(state_.client.body_bytes_sent(), out);
    case VariableId::bytes_sent: return put_number(state_.client.bytes_sent(), out);
    case VariableId::compression_ratio: {
      if (state_.compressed.bytes_out == 0) return false;
      const double ratio = static_cast<double>(state_.compressed.bytes_in) /
                           static_cast<double>(state_.compressed.bytes_out);
      append_format(out, "{:.2f}", ratio);
      return true;
    }
    case VariableId::location:
      return state_.location != nullptr && !state_.location->conf->name.empty() &&
             put(state_.location->conf->name, out);
    case VariableId::msec: {
      const auto ms =
          std::chrono::duration_cast<std::chrono::milliseconds>(clock::wall().time_since_epoch())
              .count();
      append_format(out, "{}.{:03}", ms / 1000, ms % 1000);
      return true;
    }
    case VariableId::request_time: return put_seconds(clock::now() - state_.started, out);
    case VariableId::sent_http_:
      return put_field(state_.memory.answer.fields, variable.suffix, out);
    case VariableId::status: append_format(out, "{:03}", state_.status); return true;
    case VariableId::time_iso8601: return put(iso8601_time(clock::wall()), out);
    case VariableId::time_local: return put(common_log_time(clock::wall()), out);
    default: return false;
  }
}

bool ExchangeValues::upstream_value(const VariableRef& variable, std::string& out) const {
  if (variable.id == VariableId::upstream_name) {
    if (state_.location == nullptr || state_.location->group == nullptr) return false;
    return put(state_.location->group->conf().name, out);
  }
  if (variable.id == VariableId::upstream_cache_status) {
    if (state_.location == nullptr || state_.location->cache == nullptr) return false;
    return put(cache::word_text(state_.cache.word), out);
  }
  if (!state_.tried) return false;
  const AttemptFacts& last = state_.last_try;
  const auto put_since = [&](std::string_view earlier,
                             const std::optional<clock::Monotonic>& then) {
    out.append(earlier);
    return then ? put_seconds(*then - last.started, out) : put("-", out);
  };
  switch (variable.id) {
    case VariableId::upstream_addr: out.append(state_.earlier.addr); return put(last.peer, out);
    case VariableId::upstream_status:
      out.append(state_.earlier.status);
      return state_.upstream_status == 0 ? put("-", out) : put_number(state_.upstream_status, out);
    case VariableId::upstream_connect_time:
      return put_since(state_.earlier.connect_time, last.connected);
    case VariableId::upstream_header_time:
      return put_since(state_.earlier.header_time, last.header);
    case VariableId::upstream_response_time:
      return put_since(state_.earlier.response_time, last.ended);
    case VariableId::upstream_http_:
      return put_field(state_.memory.from_peer.fields, variable.suffix, out);
    default: return false;
  }
}

}  // namespace weir
