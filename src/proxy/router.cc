#include "proxy/router.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/cache_plan.h"

namespace weir {
namespace {

using Complaints = std::vector<Router::Complaint>;

std::vector<HeaderPlan> plan_headers(const std::vector<conf::HeaderEdit>& edits) {
  std::vector<HeaderPlan> plans;
  for (const conf::HeaderEdit& edit : edits)
    plans.push_back({field_id(edit.name), edit.name, &edit.value});
  return plans;
}

void compile_rewrites(const std::vector<conf::RewriteConf>& rewrites, std::vector<RewritePlan>& out,
                      Complaints& complaints) {
  for (const conf::RewriteConf& rewrite : rewrites) {
    std::string message;
    auto regex = Regex::compile(rewrite.regex, message);
    if (!regex) {
      complaints.push_back({rewrite.where, "rewrite: " + message});
      continue;
    }
    if (static_cast<std::size_t>(rewrite.replacement.captures()) > regex->groups()) {
      complaints.push_back(
          {rewrite.where, fmt::format("rewrite: ${} is used, but the pattern has {} groups",
                                      rewrite.replacement.captures(), regex->groups())});
      continue;
    }
    out.push_back({std::move(*regex), &rewrite.replacement, rewrite.flag});
  }
}

bool all_told_by_request(const std::vector<Template>& texts) {
  return std::all_of(texts.begin(), texts.end(),
                     [](const Template& text) { return text.told_by_request(); });
}

bool do_hits_repeat(const ServerPlan& server, const LocationPlan& location) {
  const conf::LocationConf& conf = *location.conf;
  return location.cache != nullptr && location.auth.empty() && location.access_logs.empty() &&
         server.base.rewrites.empty() && location.rewrites.empty() &&
         conf.cache_key->text.told_by_request() &&
         all_told_by_request(location.cache->conf->bypass->any_of) &&
         std::all_of(location.add_headers.begin(), location.add_headers.end(),
                     [](const HeaderPlan& header) { return header.value->told_by_request(); });
}

}  // namespace

// --- paths

void ServerPlan::index_paths() {
  for (const LocationPlan& location : locations) {
    const conf::PathMatch& path = *location.conf->path;
    if (path.kind == conf::PathMatch::Kind::exact) exact_.emplace(path.text, &location);
    if (path.kind == conf::PathMatch::Kind::prefix) prefixes_.push_back({path.text, &location, -1});
  }
  std::sort(prefixes_.begin(), prefixes_.end(),
            [](const Prefix& a, const Prefix& b) { return a.text < b.text; });
  for (std::size_t i = 1; i < prefixes_.size(); ++i) {
    auto parent = static_cast<std::int32_t>(i) - 1;
    while (parent >= 0 &&
           !prefixes_[i].text.starts_with(prefixes_[static_cast<std::size_t>(parent)].text))
      parent = prefixes_[static_cast<std::size_t>(parent)].parent;
    prefixes_[i].parent = parent;
  }
}

// The last prefix that sorts at or before the path is the longest match or has it among its
// parents.
const LocationPlan* ServerPlan::longest_prefix(std::string_view path) const {
  const auto after = std::upper_bound(
      prefixes_.begin(), prefixes_.end(), path,
      [](std::string_view text, const Prefix& prefix) { return text < prefix.text; });
  auto at = static_cast<std::int32_t>(after - prefixes_.begin()) - 1;
  while (at >= 0) {
    const Prefix& prefix = prefixes_[static_cast<std::size_t>(at)];
    if (path.starts_with(prefix.text)) return prefix.location;
    at = prefix.parent;
  }
  return nullptr;
}

Result<ServerPlan::PathMatch> ServerPlan::find(std::string_view path) const {
  PathMatch match{&base, {}};
  if (const auto exact = exact_.find(path); exact != exact_.end()) {
    match.location = exact->second;
    return match;
  }
  for (const Pattern& pattern : patterns_) {
    const auto matched = pattern.regex.match(path, match.captures);
    if (!matched) return matched.error();
    if (!*matched) continue;
    match.location = pattern.location;
    return match;
  }
  if (const LocationPlan* prefix = longest_prefix(path)) match.location = prefix;
  return match;
}

// --- names

const ServerPlan& ListenPoint::find(std::string_view host) const {
  if (names_.empty() && suffixes_.empty()) return *default_;
  if (const auto exact = names_.find(host); exact != names_.end()) return *exact->second;
  if (suffixes_.empty()) return *default_;
  // From the left, so the longest suffix is found first. A wildcard stands for at least one byte.
  for (std::size_t dot = host.find('.', 1); dot != host.npos; dot = host.find('.', dot + 1)) {
    const auto suffix = suffixes_.find(host.substr(dot));
    if (suffix != suffixes_.end()) return *suffix->second;
  }
  return *default_;
}

// --- building

Router::Router(const conf::Config& config, const Parts& parts, std::vector<Complaint>& complaints)
    : config_(config), parts_(parts) {
  for (const conf::ServerConf& server : config.servers) build_server(server, complaints);
  for (const auto& server : servers_) add_listens(*server);
}

void Router::build_location(const conf::LocationConf& conf, LocationPlan& plan,
                            std::vector<Complaint>& complaints) {
  plan.conf = &conf;
  if (conf.upstream->target != nullptr)
    plan.group = parts_.group(parts_.owner, *conf.upstream->target);
  for (const conf::AuthRef& auth : *conf.auth)
    plan.auth.push_back(parts_.api_keys(parts_.owner, *auth.api_keys));
  for (const conf::AuthRef& purge : *conf.purge)
    plan.purge.push_back(parts_.api_keys(parts_.owner, *purge.api_keys));
  const bool compresses = !conf.compress->codings.empty();
  plan.codes = (compresses && *conf.compress_secrets) || *conf.decompress;
  const bool passes = !compresses || *conf.compress_upstream == conf::CompressUpstream::pass;
  plan.tells_codings = passes && *conf.compress_secrets;
  if (conf.cache->target != nullptr) plan.cache = parts_.cache(parts_.owner, *conf.cache->target);
  compile_rewrites(conf.rewrites, plan.rewrites, complaints);
  plan.set_headers = plan_headers(conf.set_headers);
  plan.add_headers = plan_headers(conf.add_headers);
  plan.remove_headers = plan_headers(conf.remove_headers);
  for (const conf::LogConf* log : conf.access_log->targets)
    plan.access_logs.push_back(static_cast<std::size_t>(log - config_.logs.data()));
}

void Router::build_server(const conf::ServerConf& conf, std::vector<Complaint>& complaints) {
  auto server = std::make_unique<ServerPlan>();
  server->conf = &conf;
  build_location(conf.base, server->base, complaints);
  server->locations.resize(conf.locations.size());
  for (std::size_t i = 0; i < conf.locations.size(); ++i) {
    const conf::LocationConf& location = conf.locations[i];
    build_location(location, server->locations[i], complaints);
    if (location.path->kind != conf::PathMatch::Kind::regex) continue;
    std::string message;
    auto regex = Regex::compile(location.path->text, message);
    if (!regex) {
      complaints.push_back({location.path.where, "path: " + message});
      continue;
    }
    server->patterns_.push_back({std::move(*regex), &server->locations[i]});
  }
  server->base.hits_repeat = do_hits_repeat(*server, server->base);
  for (LocationPlan& location : server->locations)
    location.hits_repeat = do_hits_repeat(*server, location);
  server->index_paths();
  servers_.push_back(std::move(server));
}

// The first server of an address is its default unless another says default_server; the first that
// claims a name keeps it. Whoever wants to be told of a conflict asks the cross checks of conf/.
void Router::add_listens(const ServerPlan& server) {
  for (const conf::ListenConf& listen : server.conf->listens) {
    ListenPoint& point = points_[listen.address];
    point.address_ = listen.address;
    if (point.default_ == nullptr || listen.default_server) point.default_ = &server;
    for (const conf::ServerName& name : server.conf->names)
      (name.wildcard ? point.suffixes_ : point.names_).emplace(name.text, &server);
  }
}

const ListenPoint* Router::at(const Address& address) const {
  const auto point = points_.find(address);
  return point == points_.end() ? nullptr : &point->second;
}

std::vector<Router::Complaint> check_routes(const conf::Config& config) {
  const Router::Parts nothing{
      [](void*, const conf::UpstreamConf&) -> Group* { return nullptr; },
      [](void*, const conf::ApiKeysConf&) -> const ApiKeys* { return nullptr; },
      [](void*, const conf::CacheConf&) -> const CachePlan* { return nullptr; },
      nullptr,
  };
  std::vector<Router::Complaint> complaints;
  const Router router(config, nothing, complaints);
  return complaints;
}

}  // namespace weir
