// Where servers listen, which names they have, which paths their locations are for.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <unordered_map>

#include "base/handle.h"
#include "conf/check.h"

namespace weir::conf {
namespace {

using Regex = Handle<pcre2_code, &pcre2_code_free>;

struct Listener {
  const ListenConf* first = nullptr;        // of all servers
  const ListenConf* default_one = nullptr;  // with default_server
  std::unordered_map<std::string, Where> names;
};
using Listeners = std::unordered_map<Address, Listener>;

bool has_options(const ListenConf& listen) {
  const ListenConf plain;
  return listen.backlog != plain.backlog || listen.ipv6only != plain.ipv6only ||
         listen.mode != plain.mode;
}

void add_listen(const ListenConf& listen, Listeners& listeners, Report& report) {
  Listener& listener = listeners[listen.address];
  const std::string address = listen.address.to_string();
  if (listener.first == nullptr) listener.first = &listen;
  const ListenConf& first = *listener.first;
  if (first.ssl != listen.ssl) {
    report.error(listen.where, 0,
                 fmt::format("{} is {} here and {} elsewhere", address,
                             listen.ssl ? "with ssl" : "without ssl",
                             first.ssl ? "with ssl" : "without ssl"),
                 fmt::format("see {}", report.place(first.where)));
  }
  const bool differs = listen.backlog != first.backlog || listen.ipv6only != first.ipv6only ||
                       listen.mode != first.mode;
  if (differs && has_options(listen)) {
    report.error(listen.where, 0, fmt::format("{} has other options here", address),
                 fmt::format("the options of a socket stand at its first line, {}",
                             report.place(first.where)));
  }
  if (!listen.default_server) return;
  if (listener.default_one != nullptr) {
    report.error(listen.where, 0, fmt::format("{} has a default_server already", address),
                 fmt::format("at {}", report.place(listener.default_one->where)));
    return;
  }
  listener.default_one = &listen;
}

// Within one server, the same address twice.
void check_own_listens(const ServerConf& server, Report& report) {
  std::unordered_map<Address, Where> own;
  for (const ListenConf& listen : server.listens) {
    const auto [first, is_new] = own.emplace(listen.address, listen.where);
    if (is_new) continue;
    report.error(
        listen.where, 0,
        fmt::format("[server {}] listens on {} twice", server.name, listen.address.to_string()),
        fmt::format("first at {}", report.place(first->second)));
  }
}

void check_names(const ServerConf& server, Listeners& listeners, Report& report) {
  for (const ServerName& name : server.names) {
    for (const ListenConf& listen : server.listens) {
      const std::string text = (name.wildcard ? "*" : "") + name.text;
      const auto [first, is_new] = listeners[listen.address].names.emplace(text, name.where);
      if (is_new) continue;
      report.error(name.where, 0,
                   fmt::format("the name {} is taken on {}", text, listen.address.to_string()),
                   fmt::format("at {}", report.place(first->second)));
      break;  // once a name, not once an address
    }
  }
}

void check_certificates(const ServerConf& server, Report& report) {
  const auto ssl = std::find_if(server.listens.begin(), server.listens.end(),
                                [](const ListenConf& listen) { return listen.ssl; });
  const bool own = std::any_of(server.certificates.begin(), server.certificates.end(),
                               [](const CertificateConf& c) { return !c.inherited; });
  if (ssl != server.listens.end() && server.certificates.empty()) {
    report.error(
        ssl->where, 0,
        fmt::format("[server {}] listens with ssl and has no ssl_certificate", server.name));
  }
  if (ssl == server.listens.end() && own && !server.listens.empty()) {
    report.warn(server.certificates.front().where, 0,
                fmt::format("[server {}] has a certificate and no listen with ssl", server.name));
  }
}

void check_path(const LocationConf& location, const ServerConf& server, Report& report) {
  const std::string& path = location.path->text;
  const auto never = [&](std::string_view why, std::string hint = {}) {
    report.warn(location.path.where, 0, fmt::format("no path is ever like this: {}", why),
                std::move(hint));
  };
  if (path.find('?') != path.npos) return never("the query is not part of it");
  if (path.find('#') != path.npos) return never("a request has no fragment");
  if (*server.merge_slashes && path.find("//") != path.npos) {
    return never("slashes in a row become one", "merge_slashes = off keeps them");
  }
  if (path.find("/./") != path.npos || path.find("/../") != path.npos) {
    return never("dots are resolved before");
  }
}

void check_paths(const ServerConf& server, const Sections& sections, Report& report) {
  std::unordered_map<std::string, const LocationConf*> known;
  for (const LocationConf& location : server.locations) {
    if (!location.path.explicit_) {
      if (!sections.is_faulty(&location)) {
        report.error(location.where, 0, fmt::format("[location {}] has no path", location.name),
                     "write path = /, path = exact PATH or path = regex REGEX");
      }
      continue;
    }
    const PathMatch& path = *location.path;
    const auto [first, is_new] =
        known.emplace(static_cast<char>('0' + static_cast<int>(path.kind)) + path.text, &location);
    if (!is_new) {
      report.error(location.path.where, 0,
                   fmt::format("[location {}] has this path already", first->second->name),
                   fmt::format("at {}", report.place(first->second->path.where)));
    }
    int captures = 0;
    if (path.kind == PathMatch::Kind::regex) {
      compiles(path.text, location.path.where, report, captures);
    } else {
      check_path(location, server, report);
    }
  }
}

void check_rewrites(const LocationConf& place, Report& report) {
  for (const RewriteConf& rewrite : place.rewrites) {
    int captures = 0;
    if (!compiles(rewrite.regex, rewrite.where, report, captures)) continue;
    if (rewrite.replacement.captures() > captures) {
      report.error(rewrite.where, 0,
                   fmt::format("${} is used and the regex has {} groups",
                               rewrite.replacement.captures(), captures));
    }
  }
}

}  // namespace

bool compiles(const std::string& regex, Where where, Report& report, int& captures) {
  constexpr std::size_t regex_bytes_max = 4096;
  if (regex.size() > regex_bytes_max) {
    report.error(where, 0, fmt::format("the regex is longer than {} bytes", regex_bytes_max));
    return false;
  }
  int code = 0;
  PCRE2_SIZE position = 0;
  const Regex compiled(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(),
                                     PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
                                     &code, &position, nullptr));
  if (compiled == nullptr) {
    PCRE2_UCHAR text[256] = {};
    pcre2_get_error_message(code, text, sizeof text);
    report.error(where, 0,
                 fmt::format("the regex is wrong at its byte {}: {}", position + 1,
                             reinterpret_cast<const char*>(text)));
    return false;
  }
  std::uint32_t groups = 0;
  pcre2_pattern_info(compiled.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
  captures = static_cast<int>(groups);
  return true;
}

void check_listens(const Config& config, const Sections& sections, Report& report) {
  Listeners listeners;
  for (const ServerConf& server : config.servers) {
    if (server.listens.empty() && !sections.is_faulty(&server)) {
      report.error(server.where, 0, fmt::format("[server {}] has no listen", server.name),
                   "write listen = PORT");
    }
    check_own_listens(server, report);
    for (const ListenConf& listen : server.listens) add_listen(listen, listeners, report);
    check_names(server, listeners, report);
    if (!sections.is_faulty(&server)) check_certificates(server, report);
  }
  std::unordered_map<Address, Where> admin;
  for (const ListenConf& listen : config.admin.listens) {
    const auto server = listeners.find(listen.address);
    const auto [first, is_new] = admin.emplace(listen.address, listen.where);
    if (server == listeners.end() && is_new) continue;
    report.error(
        listen.where, 0, fmt::format("{} is listened on already", listen.address.to_string()),
        fmt::format("at {}", report.place(server != listeners.end() ? server->second.first->where
                                                                    : first->second)));
  }
}

void check_locations(const Config& config, const Sections& sections, Report& report) {
  for (const ServerConf& server : config.servers) {
    check_paths(server, sections, report);
    check_rewrites(server.base, report);
    for (const LocationConf& location : server.locations) check_rewrites(location, report);
  }
}

}  // namespace weir::conf
