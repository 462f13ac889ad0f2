// Router: which server and which location answer a request. The configuration in the form in which
// requests ask it: names hashed, prefixes sorted, patterns and templates compiled. Built once per
// worker and generation, then constant; the Config must outlive it.
//
//   listen address -> ListenPoint -> (host) ServerPlan -> (path) LocationPlan
//
// Location order is nginx's: an exact path; else the first regex in file order that matches; else
// the longest prefix; else the server's own values (base).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/regex.h"
#include "conf/model.h"
#include "http/fields.h"
#include "http/template.h"
#include "os/address.h"

namespace weir {

class ApiKeys;
struct CachePlan;
class Group;

struct HeaderPlan {
  FieldId id;
  std::string_view name;
  const Template* value;
};

struct RewritePlan {
  Regex regex;
  const Template* replacement;
  conf::RewriteConf::Flag flag;
};

struct LocationPlan {
  const conf::LocationConf* conf = nullptr;
  Group* group = nullptr;            // nullptr: no upstream
  const CachePlan* cache = nullptr;  // nullptr: off
  std::vector<const ApiKeys*> auth;
  std::vector<const ApiKeys*> purge;  // who may PURGE; empty: nobody
  std::vector<RewritePlan> rewrites;
  std::vector<HeaderPlan> set_headers, add_headers, remove_headers;
  std::vector<std::size_t> access_logs;  // indexes into Config::logs
  // Nothing here but the bytes of a request, and what is stored, decides about an answer from the
  // cache: neither who asks, nor when, nor what came before; and nobody wants to be told of each.
  bool hits_repeat = false;
  bool codes = false;         // compress or decompress: Accept-Encoding decides about answers
  bool tells_codings = true;  // upstreams get the client's Accept-Encoding
};

struct ServerPlan {
  const conf::ServerConf* conf = nullptr;
  LocationPlan base;  // its rewrites are the server's: they run before a location is looked for
  std::vector<LocationPlan> locations;

  struct PathMatch {
    const LocationPlan* location;
    Captures captures;  // of a regex
  };
  // Fails only when a pattern reached its limit: then nothing is known, and the request must not
  // pass.
  Result<PathMatch> find(std::string_view path) const;

 private:
  friend class Router;
  struct Prefix {
    std::string_view text;
    const LocationPlan* location;
    std::int32_t parent;  // the longest other prefix that this one begins with; -1: none
  };
  struct Pattern {
    Regex regex;
    const LocationPlan* location;
  };
  void index_paths();
  const LocationPlan* longest_prefix(std::string_view path) const;

  std::unordered_map<std::string_view, const LocationPlan*> exact_;
  std::vector<Prefix> prefixes_;  // sorted by text
  std::vector<Pattern> patterns_;
};

// What listens at one address.
class ListenPoint {
 public:
  // `host` lower-case, without port; empty when the request named none.
  const ServerPlan& find(std::string_view host) const;
  const ServerPlan& default_server() const { return *default_; }
  const Address& address() const { return address_; }

 private:
  friend class Router;
  Address address_;
  const ServerPlan* default_ = nullptr;
  std::unordered_map<std::string_view, const ServerPlan*> names_,
      suffixes_;  // suffixes: ".example.com"
};

class Router {
 public:
  // What the configuration needs of other rooms. Both may give nullptr where the validator only
  // checks.
  struct Parts {
    Group* (*group)(void* owner, const conf::UpstreamConf& upstream);
    const ApiKeys* (*api_keys)(void* owner, const conf::ApiKeysConf& keys);
    const CachePlan* (*cache)(void* owner, const conf::CacheConf& cache);
    void* owner;
  };
  struct Complaint {
    conf::Where where;
    std::string text;
  };

  // All complaints are collected; with one or more of them the router is not to be used.
  Router(const conf::Config& config, const Parts& parts, std::vector<Complaint>& complaints);
  Router& operator=(Router&&) = delete;

  // nullptr: nothing listens there.
  const ListenPoint* at(const Address& address) const;
  const std::vector<std::unique_ptr<ServerPlan>>& servers() const { return servers_; }

 private:
  void build_location(const conf::LocationConf& conf, LocationPlan& plan,
                      std::vector<Complaint>& complaints);
  void build_server(const conf::ServerConf& conf, std::vector<Complaint>& complaints);
  void add_listens(const ServerPlan& server);

  const conf::Config& config_;
  Parts parts_;
  std::vector<std::unique_ptr<ServerPlan>> servers_;
  std::unordered_map<Address, ListenPoint> points_;
};

// For `weir -t`: every pattern and template of the configuration compiled and thrown away.
std::vector<Router::Complaint> check_routes(const conf::Config& config);

}  // namespace weir
