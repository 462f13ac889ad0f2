#include "tools/load/plan.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "base/version.h"
#include "http/h1_writer.h"
#include "tools/load/certificate.h"

namespace weir::load {
namespace {

bool prepare_tls(Plan& out, std::string& error) {
  const Options& options = out.options;
  std::string trusted;
  if (!options.trusted_file.empty()) {
    std::ifstream file(options.trusted_file, std::ios::binary);
    trusted.assign(std::istreambuf_iterator<char>(file), {});
    if (trusted.empty()) {
      error = fmt::format("{} can't be read", options.trusted_file);
      return false;
    }
  }
  out.verified = !options.insecure;
  if (out.verified && trusted.empty() && out.address.is_loopback()) {
    out.development = shows_development_certificate(out.address, options.target.host);
    out.verified = !out.development;
  }
  if (out.verified && options.target.host.empty()) {
    error = "no name to verify behind a Unix socket: -k goes without";
    return false;
  }
  tls::UpstreamSettings settings;
  settings.verify = out.verified;
  settings.reuse_sessions = options.tls_resume;
  settings.trusted_pem = trusted;
  out.tls = tls::UpstreamContext::make(settings, error);
  return out.tls != nullptr;
}

}  // namespace

std::string write_request(const Options& options, std::string& error) {
  RequestHead head;
  head.method = parse_method(options.method);
  head.method_text = options.method;
  head.fields.add(FieldId::host, options.target.authority);
  const std::string agent = fmt::format("weir-load/{}", version);
  head.fields.add("User-Agent", agent);
  head.fields.add("Accept", "*/*");
  for (const auto& [name, value] : options.fields) {
    const bool replaces =
        iequals(name, "Host") || iequals(name, "User-Agent") || iequals(name, "Accept");
    replaces ? head.fields.set(name, value) : head.fields.add(name, value);
  }
  Outgoing outgoing;
  // Without a body GET and the like say nothing of its length (RFC 9110 8.6).
  const bool may_lack_length = is_safe(head.method) || head.method == Method::delete_;
  if (!options.body.empty() || !may_lack_length) {
    outgoing.framing.kind = BodyKind::length;
    outgoing.framing.length = options.body.size();
  }
  if (!options.keepalive) outgoing.persistence = Persistence::close;
  std::string text(request_head_bytes(head, options.target.path, outgoing), '\0');
  const auto size = write_request_head(head, options.target.path, outgoing, text);
  if (!size) {
    error = size.error().what;
    return {};
  }
  text.resize(*size);
  return text + options.body;
}

std::uint64_t descriptors_needed(const Options& options) {
  const unsigned all = options.connections != 0 ? options.connections : options.connections_max;
  // Each connection may have a predecessor on its way out; the rest is the process' own.
  return std::uint64_t{all / options.workers + 1} * (options.keepalive ? 1 : 2) + 64;
}

bool prepare(Options options, Plan& out, std::string& error) {
  out.options = std::move(options);
  out.method = parse_method(out.options.method);
  out.request = write_request(out.options, error);
  if (out.request.empty()) return false;
  out.address = resolve(out.options.target, error);
  if (out.address.kind() == Address::Kind::none) return false;
  if (out.options.quick_start && !takes_connections(out.address)) {
    error = fmt::format("nothing listens at {}: `make run` in another terminal starts it",
                        out.options.target.authority);
    return false;
  }
  return !out.options.target.tls || prepare_tls(out, error);
}

}  // namespace weir::load
