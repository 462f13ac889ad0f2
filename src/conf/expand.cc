// What a few directives stand for: ranges and names become peers, files become keys, certificates
// find their keys.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "conf/api_keys.h"
#include "conf/check.h"

namespace weir::conf {
namespace {

// The zone has a cell for each of them, and for those that discovery finds.
void count_peers(const Config& config, Report& report) {
  std::size_t peers = 0;
  for (const UpstreamConf& upstream : config.upstreams) peers += upstream.peers.size();
  const auto& most = config.main.upstream_peers_max;
  if (peers <= *most) return;
  report.error(most.where, 0,
               fmt::format("the upstreams have {} peers, upstream_peers_max is {}", peers, *most),
               fmt::format("write upstream_peers_max = {}, and restart", peers * 2));
}

std::vector<Address> addresses_of(const ServerLine& line, Inputs& inputs, Report& report) {
  if (line.port_first == 0) return {*Address::parse("unix:" + line.host)};
  if (!line.is_name) return {*Address::parse_ip(line.host)};
  const InputName& answer = inputs.resolve(line.host);
  if (answer.addresses.empty()) {
    report.warn(line.where, 0, fmt::format("\"{}\" has no address and gives no peer", line.host),
                answer.error);
  }
  return answer.addresses;
}

void expand_peers(UpstreamConf& upstream, Inputs& inputs, Report& report) {
  std::unordered_map<Address, Where> known;
  for (const ServerLine& line : upstream.servers) {
    for (Address address : addresses_of(line, inputs, report)) {
      for (std::uint32_t port = line.port_first; port <= line.port_last; ++port) {
        if (address.is_ip()) address.set_port(static_cast<std::uint16_t>(port));
        const auto [first, is_new] = known.emplace(address, line.where);
        if (!is_new) {
          if (first->second == line.where) continue;
          report.warn(line.where, 0,
                      fmt::format("{} stands in [upstream {}] twice and counts once",
                                  address.to_string(), upstream.name),
                      fmt::format("first at {}", report.place(first->second)));
          break;  // one warning a line
        }
        upstream.peers.push_back({address, line.host, line.options, line.where});
      }
    }
  }
}

bool read_input(const Setting<InputPath>& path, Inputs& inputs, Report& report) {
  if (path->empty()) return false;
  const InputFile& file = inputs.file(path->path);
  if (file.ok()) return true;
  report.error(path.where, 0, fmt::format("{}: {}", path->path, file.error));
  return false;
}

void expand_keys(ApiKeysConf& keys, Inputs& inputs, Report& report) {
  if (read_input(keys.file, inputs, report)) {
    const std::string& path = keys.file->path;
    const std::string& bytes = inputs.file(path).bytes;
    const std::size_t own = keys.keys.size(), errors = report.errors();
    read_api_keys(bytes, report.add_file(path, bytes), report, keys.keys);
    if (keys.keys.size() == own && report.errors() == errors) {
      report.warn(keys.file.where, 0, fmt::format("{} has no key", path));
    }
  }
  std::unordered_map<std::string_view, Where> names;
  std::unordered_map<std::string_view, Where> hashes;
  for (const ApiKey& key : keys.keys) {
    const auto [name, new_name] = names.emplace(key.name, key.where);
    if (!new_name) {
      report.error_without_source(
          key.where,
          fmt::format("the key \"{}\" stands in [api_keys {}] twice", key.name, keys.name),
          fmt::format("first at {}", report.place(name->second)));
      continue;
    }
    const std::string_view hash(reinterpret_cast<const char*>(key.sha256.data()),
                                key.sha256.size());
    const auto [same, new_hash] = hashes.emplace(hash, key.where);
    if (!new_hash) {
      report.error_without_source(key.where,
                                  fmt::format("\"{}\" has the hash of another key", key.name),
                                  fmt::format("first at {}", report.place(same->second)));
    }
  }
}

void read_certificate(const InputPath& path, Where where, Inputs& inputs, Report& report) {
  const Setting<InputPath> setting{path, where, true};
  read_input(setting, inputs, report);
}

void pair_certificates(ServerConf& server, Inputs& inputs, Report& report) {
  // A server with certificates of its own leaves behind the keys that it inherited.
  const bool own = std::any_of(server.certificates.begin(), server.certificates.end(),
                               [](const CertificateConf& c) { return !c.inherited; });
  if (own) {
    std::erase_if(server.certificate_keys,
                  [](const CertificateKeyConf& key) { return key.inherited; });
  }
  const auto& keys = server.certificate_keys;
  std::size_t used = 0;
  for (CertificateConf& certificate : server.certificates) {
    if (certificate.automatic) continue;
    const bool paired = used < keys.size();
    certificate.key = paired ? keys[used].path : certificate.certificate;
    if (!keys.empty() && !paired) {
      report.error(certificate.where, 0, "the certificate has no ssl_certificate_key",
                   "the n-th key belongs to the n-th certificate");
    }
    read_certificate(certificate.certificate, certificate.where, inputs, report);
    if (paired) read_certificate(certificate.key, keys[used].where, inputs, report);
    ++used;
  }
  if (used < keys.size()) {
    report.error(keys[used].where, 0, "the key has no ssl_certificate",
                 "the n-th key belongs to the n-th certificate");
  }
}

}  // namespace

void expand(Config& config, const Sections& sections, Inputs& inputs, Report& report) {
  for (UpstreamConf& upstream : config.upstreams) {
    expand_peers(upstream, inputs, report);
    read_input(upstream.ssl_trusted_certificate, inputs, report);
    read_input(upstream.ssl_certificate, inputs, report);
    read_input(upstream.ssl_certificate_key, inputs, report);
  }
  count_peers(config, report);
  for (ApiKeysConf& keys : config.api_keys) expand_keys(keys, inputs, report);
  for (ServerConf& server : config.servers) {
    if (!sections.is_faulty(&server)) pair_certificates(server, inputs, report);
  }
  config.files = report.files();
}

}  // namespace weir::conf
