#include "process/purge_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cache/key.h"
#include "cache/layout.h"
#include "cache/rules.h"
#include "cache/tags.h"
#include "process/purge_url.h"

namespace weir::process {
namespace {

using What = PurgeCommand::What;

constexpr std::size_t named_most = 8;  // locations that a message names

std::string place_of(const conf::ServerConf& server, const conf::LocationConf& location) {
  return location.name.empty() ? fmt::format("server \"{}\"", server.name)
                               : fmt::format("location \"{}\"", location.name);
}

void add(std::vector<std::string>& to, std::string text) {
  if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(std::move(text));
}

// Renders the keys of a URL for each cache that is asked.
class Renderer {
 public:
  Renderer(const PurgeCommand& command, PurgeKeys& out)
      : prefix_(command.what == What::prefix), url_(command.text), out_(out) {
    out_.error = url_.error();
  }

  void render(const conf::Config& config) {
    for (const conf::ServerConf& server : config.servers) {
      render(server, server.base);
      for (const conf::LocationConf& location : server.locations) render(server, location);
    }
    for (PurgeKeys::OfCache& cache : out_.caches) check_size(cache);
    std::erase_if(out_.caches, [](const PurgeKeys::OfCache& cache) { return cache.keys.empty(); });
    if (locations_ == 0) out_.error = "no location uses the cache";
    if (named_ > named_most) {
      out_.left += fmt::format("; and {} more", named_ - named_most);
    }
    if (out_.caches.empty() && out_.error.empty()) std::swap(out_.error, out_.left);
  }

 private:
  void render(const conf::ServerConf& server, const conf::LocationConf& location) {
    const conf::CacheConf* const conf = location.cache->target;
    const auto cache = std::find_if(out_.caches.begin(), out_.caches.end(),
                                    [&](const auto& one) { return one.cache == conf; });
    if (conf == nullptr || cache == out_.caches.end()) return;
    ++locations_;
    const TargetRules rules{.merge_slashes = *server.merge_slashes,
                            .reject_encoded_slash = *server.reject_encoded_slash};
    const Template& form = location.cache_key->text;
    Seen seen{conf, form.source(), rules.merge_slashes, rules.reject_encoded_slash};
    if (std::find(good_.begin(), good_.end(), seen) != good_.end()) return;
    PurgeUrl::Rendered key = prefix_ ? url_.key_prefix(form, rules) : url_.key(form, rules);
    if (!key.unknown.empty()) {
      return leave(place_of(server, location),
                   fmt::format("its cache_key has {}, which a URL does not tell; --key TEXT "
                               "purges by the key itself",
                               key.unknown));
    }
    if (!key.why.empty()) return leave(place_of(server, location), key.why);
    // Whatever the port of the clients' Host: the one of the URL, or none.
    if (!key.with_port.empty()) add(cache->keys, std::move(key.with_port));
    add(cache->keys, std::move(key.text));
    good_.push_back(std::move(seen));
  }

  void leave(const std::string& place, std::string_view why) {
    if (++named_ > named_most) return;
    out_.left += fmt::format("{}{}: {}", out_.left.empty() ? "" : "; ", place, why);
  }

  void check_size(PurgeKeys::OfCache& cache) {
    if (!prefix_ && !cache.has_more) return;
    for (const std::string& key : cache.keys) {
      const std::size_t size = key.size() + (prefix_ ? 0 : 1);
      if (size <= cache::rule_bytes_most) continue;
      leave(fmt::format("cache \"{}\"", cache.cache->name),
            fmt::format("the key has {} bytes, and can have {} where all are meant that begin so",
                        size, cache::rule_bytes_most));
      return cache.keys.clear();
    }
  }

  using Seen = std::tuple<const conf::CacheConf*, std::string_view, bool, bool>;
  const bool prefix_;
  PurgeUrl url_;
  PurgeKeys& out_;
  std::vector<Seen> good_{};
  std::size_t locations_ = 0, named_ = 0;
};

// Where something can be stored by more than the key: by fields that key_headers names, by a body.
bool has_more(const conf::CacheConf& conf) {
  const cache::Rules rules = cache::rules_of(conf);
  return rules.post || !rules.key_fields.empty();
}

std::string trouble_of(const conf::Config& config, const PurgeCommand& command) {
  if (config.caches.empty()) return "there is no [cache] in the configuration";
  if (command.what == What::tag && command.text.size() > cache::Tags::tag_bytes_max) {
    return fmt::format("a surrogate key has at most {} bytes", cache::Tags::tag_bytes_max);
  }
  return {};
}

}  // namespace

PurgeKeys purge_keys(const conf::Config& config, const PurgeCommand& command) {
  PurgeKeys out;
  out.error = trouble_of(config, command);
  if (!out.error.empty()) return out;
  for (const conf::CacheConf& conf : config.caches) {
    if (!command.cache.empty() && command.cache != conf.name) continue;
    out.caches.push_back({.cache = &conf});
    PurgeKeys::OfCache& cache = out.caches.back();
    cache.has_more = command.what == What::url && has_more(conf);
    if (command.what == What::key) cache.keys.push_back(command.text);
  }
  if (out.caches.empty()) {
    out.error = fmt::format("there is no cache \"{}\"", command.cache);
  } else if (command.what == What::url || command.what == What::prefix) {
    Renderer renderer(command, out);
    if (out.error.empty()) renderer.render(config);
    if (!out.error.empty()) out.caches.clear();
  }
  return out;
}

}  // namespace weir::process
