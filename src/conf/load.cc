#include "conf/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <unordered_map>

#include "base/text.h"
#include "conf/check.h"
#include "conf/nginx_names.h"
#include "conf/sections.h"

namespace weir::conf {
namespace {

// The objects that a section's lines are written to.
using Targets = std::array<void*, target_count>;

template <class T>
Targets targets_of(T& object) {
  Targets out{};
  out[static_cast<std::size_t>(target_of<T>)] = &object;
  return out;
}

Targets targets_of(ServerConf& server) {
  Targets out{};
  out[static_cast<std::size_t>(Target::server)] = &server;
  out[static_cast<std::size_t>(Target::location)] = &server.base;
  return out;
}

class Loader {
 public:
  Loader(Inputs& inputs, const LoadOptions& options)
      : inputs_(inputs), options_(options), scope_{report_, inputs, options.prefix} {}

  Loaded run() {
    std::vector<Section> sections = read_sections(options_.file, inputs_, report_);
    override_main(sections);
    config_->prefix = options_.prefix;
    prefetch_names(sections);
    fill(sections);
    config_->files = report_.files();
    check();
    Loaded out;
    out.errors = report_.errors();
    if (out.errors == 0) out.config = std::move(config_);
    out.diagnostics = report_.take();
    return out;
  }

 private:
  // -g stands in for the lines of [main] with the same names.
  void override_main(std::vector<Section>& sections) {
    if (trim(options_.overrides).empty()) return;
    std::vector<Pair> pairs = read_overrides(options_.overrides, report_);
    auto main = std::find_if(sections.begin(), sections.end(),
                             [](const Section& s) { return s.kind == Kind::main; });
    if (main == sections.end()) main = sections.insert(sections.begin(), Section{});
    std::erase_if(main->pairs, [&](const Pair& pair) {
      return std::any_of(pairs.begin(), pairs.end(),
                         [&](const Pair& over) { return over.line.name == pair.line.name; });
    });
    for (Pair& pair : pairs) {
      if (pair.line.name == "include") {
        report_.error(pair.where, pair.line.name_column, "include can't be given by -g");
      } else {
        main->pairs.push_back(std::move(pair));
      }
    }
  }

  // All names at once, so that ten dead ones do not cost ten times the limit.
  void prefetch_names(const std::vector<Section>& sections) {
    Report unused;  // what is wrong with a line is said when the line is applied
    Scope scope{unused, inputs_, options_.prefix};
    const Directive* server = find_directive(Kind::upstream, "server");
    std::vector<std::string> names;
    for (const Section& section : sections) {
      if (section.kind != Kind::upstream) continue;
      for (const Pair& pair : section.pairs) {
        if (pair.line.name != server->name) continue;
        std::vector<Word> parsed;
        if (!lex(pair.line.value, pair.line.value_column, parsed).what.empty()) continue;
        Value value(scope, *server, {}, std::move(parsed));
        std::vector<ServerLine> lines;
        if (parse_item(value, lines) && lines[0].is_name) names.push_back(lines[0].host);
      }
    }
    inputs_.prefetch(names);
  }

  void fill(const std::vector<Section>& sections) {
    const auto count = [&](Kind kind) {
      return static_cast<std::size_t>(
          std::count_if(sections.begin(), sections.end(),
                        [kind](const Section& section) { return section.kind == kind; }));
    };
    // Reserved: faulty sections and references are known by address.
    config_->logs.reserve(count(Kind::log));
    config_->upstreams.reserve(count(Kind::upstream));
    config_->api_keys.reserve(count(Kind::api_keys));
    config_->caches.reserve(count(Kind::cache));
    config_->servers.reserve(count(Kind::server));
    set_defaults(targets_of(config_->main));
    set_defaults(targets_of(config_->defaults));
    const LogConf log = with_defaults<LogConf>();
    const UpstreamConf upstream = with_defaults<UpstreamConf>();
    const ApiKeysConf api_keys = with_defaults<ApiKeysConf>();
    const CacheConf cache = with_defaults<CacheConf>();

    for (const Section& section : sections) {  // [defaults] first: servers copy it
      if (section.kind != Kind::defaults) continue;
      config_->defaults.where = section.where;
      apply(section, targets_of(config_->defaults), &config_->defaults);
    }
    for (const Section& section : sections) {
      switch (section.kind) {
        case Kind::main: apply(section, targets_of(config_->main), &config_->main); break;
        case Kind::admin:
          config_->admin.where = section.where;
          apply(section, targets_of(config_->admin), &config_->admin);
          break;
        case Kind::log: add(section, config_->logs, log); break;
        case Kind::api_keys: add(section, config_->api_keys, api_keys); break;
        case Kind::cache: add(section, config_->caches, cache); break;
        case Kind::upstream: add(section, config_->upstreams, upstream); break;
        case Kind::server: add_server(section); break;
        case Kind::defaults:
        case Kind::location: break;
        case Kind::jwt:
        case Kind::limit: apply(section, {}, nullptr); break;
      }
    }
    add_locations(sections);
  }

  void set_defaults(const Targets& targets) {
    for (const Directive* directive : all_directives()) {
      void* target = targets[static_cast<std::size_t>(directive->target)];
      if (target == nullptr || directive->fallback.empty()) continue;
      std::vector<Word> parsed;
      const LexError lexed = lex(directive->fallback, 1, parsed);
      assert(lexed.what.empty() && "a default that is not a value");
      Value value(scope_, *directive, {}, std::move(parsed));
      [[maybe_unused]] const bool set = directive->set(target, value);
      assert(set && "a default that its own parser refuses");
    }
    inherit(targets);
  }

  template <class T>
  T with_defaults() {
    T out;
    set_defaults(targets_of(out));
    return out;
  }

  static void inherit(const Targets& targets) {
    for (const Directive* directive : all_directives()) {
      void* target = targets[static_cast<std::size_t>(directive->target)];
      if (target != nullptr && directive->inherit != nullptr) directive->inherit(target);
    }
  }

  template <class T>
  void add(const Section& section, std::vector<T>& objects, const T& prototype) {
    T& object = objects.emplace_back(prototype);
    object.name = section.name;
    object.where = section.where;
    apply(section, targets_of(object), &object);
  }

  void add_server(const Section& section) {
    ServerConf& server = config_->servers.emplace_back(config_->defaults);
    server.name = section.name;
    server.where = section.where;
    inherit(targets_of(server));
    apply(section, targets_of(server), &server);
  }

  void add_locations(const std::vector<Section>& sections) {
    std::unordered_map<std::string_view, ServerConf*> servers;
    for (ServerConf& server : config_->servers) servers.emplace(server.name, &server);
    std::unordered_map<std::string_view, std::size_t> counts;
    for (const Section& section : sections) {
      if (section.kind == Kind::location) ++counts[server_of(section)];
    }
    for (const auto& [name, count] : counts) {
      if (const auto found = servers.find(name); found != servers.end()) {
        found->second->locations.reserve(count);
      }
    }
    for (const Section& section : sections) {
      if (section.kind != Kind::location) continue;
      const auto found = servers.find(server_of(section));
      if (found == servers.end()) {
        refuse_location(section, servers);
        continue;
      }
      LocationConf& location = found->second->locations.emplace_back(found->second->base);
      location.name = section.name;
      location.where = section.where;
      inherit(targets_of(location));
      apply(section, targets_of(location), &location);
    }
  }

  static std::string_view server_of(const Section& section) {
    for (const Pair& pair : section.pairs) {
      if (pair.line.name == "server") return pair.line.value;
    }
    return {};
  }

  // The location belongs nowhere; its lines are checked all the same.
  void refuse_location(const Section& section,
                       const std::unordered_map<std::string_view, ServerConf*>& servers) {
    orphans_.push_back(std::make_unique<LocationConf>());
    apply(section, targets_of(*orphans_.back()), orphans_.back().get());
    const auto pair = std::find_if(section.pairs.begin(), section.pairs.end(),
                                   [](const Pair& p) { return p.line.name == "server"; });
    if (pair == section.pairs.end()) {
      report_.error(section.where, 1, fmt::format("{} names no server", section.label()),
                    "write server = NAME, of a [server NAME]");
      return;
    }
    std::vector<std::string_view> names;
    names.reserve(servers.size());
    for (const auto& [name, server] : servers) names.push_back(name);
    report_.error(pair->where, pair->line.value_column,
                  fmt::format("{} refers to server \"{}\"", section.label(), pair->line.value),
                  defined("server", pair->line.value, std::move(names)));
  }

  void apply(const Section& section, const Targets& targets, const void* object) {
    const std::size_t errors = report_.errors();
    std::unordered_map<const Directive*, Where> seen;
    for (const Pair& pair : section.pairs) apply(section, pair, targets, seen);
    if (report_.errors() > errors) sections_.faulty.insert(object);
  }

  void apply(const Section& section, const Pair& pair, const Targets& targets,
             std::unordered_map<const Directive*, Where>& seen) {
    const Line& line = pair.line;
    const Directive* directive = find_directive(section.kind, line.name);
    if (directive == nullptr) {
      report_.error(pair.where, line.name_column,
                    fmt::format("unknown key \"{}\" in {}", line.name, section.label()),
                    hint_for(section.kind, line.name));
      return;
    }
    if (!directive->built) {
      report_.error(pair.where, line.name_column,
                    fmt::format("\"{}\" in {} is not built yet", line.name, section.label()));
      return;
    }
    const auto [first, is_new] = seen.emplace(directive, pair.where);
    if (!is_new && !directive->repeatable) {
      report_.error(pair.where, line.name_column,
                    fmt::format("\"{}\" stands here again", line.name),
                    fmt::format("it is set at {}", report_.place(first->second)));
      return;
    }
    std::vector<Word> parsed;
    const LexError lexed = lex(line.value, line.value_column, parsed);
    if (!lexed.what.empty()) {
      report_.error(pair.where, lexed.column, std::string(lexed.what), std::string(lexed.hint));
      return;
    }
    void* target = targets.at(static_cast<std::size_t>(directive->target));
    if (directive->set == nullptr || target == nullptr) return;  // include: done while reading
    Value value(scope_, *directive, pair.where, std::move(parsed));
    [[maybe_unused]] const std::size_t errors = report_.errors();
    [[maybe_unused]] const bool set = directive->set(target, value);
    assert((set || report_.errors() > errors) && "a parser that fails without a word");
  }

  static std::string hint_for(Kind kind, const std::string& name) {
    std::string hint = did_you_mean(name, directive_names(kind));
    if (!hint.empty() && find_nginx_name(name).empty()) return hint;
    std::string places;
    for (std::size_t at = 0; at < kind_count; ++at) {
      const auto other = static_cast<Kind>(at);
      if (find_directive(other, name) == nullptr) continue;
      places += fmt::format("{}[{}]", places.empty() ? "" : ", ", kind_row(other).name);
    }
    if (!places.empty()) return "it belongs in " + places;
    return std::string(find_nginx_name(name));
  }

  void check() {
    expand(*config_, sections_, inputs_, report_);
    resolve_references(*config_, report_);
    check_sections(*config_, sections_, report_);
    check_listens(*config_, sections_, report_);
    check_locations(*config_, sections_, report_);
  }

  Inputs& inputs_;
  const LoadOptions& options_;
  Report report_;
  Scope scope_;
  Sections sections_;
  std::unique_ptr<Config> config_ = std::make_unique<Config>();
  std::vector<std::unique_ptr<LocationConf>> orphans_;
};

std::string absolute(std::string_view path, std::string_view folder) {
  if (path.starts_with('/') || folder.empty()) return std::string(path);
  while (path.starts_with("./")) path.remove_prefix(2);
  return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", path);
}

}  // namespace

Loaded load(Inputs& inputs, const LoadOptions& options) { return Loader(inputs, options).run(); }

std::string relative_to_file(std::string_view path, std::string_view naming_file) {
  return absolute(path, naming_file.substr(0, naming_file.rfind('/') + 1));
}

std::string relative_to_prefix(std::string_view path, std::string_view prefix) {
  return absolute(path, prefix);
}

}  // namespace weir::conf
