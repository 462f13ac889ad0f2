// Inputs that live in memory, for tests of the configuration.
#pragma once

#include <fnmatch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conf/inputs.h"
#include "conf/load.h"

namespace weir::conf::test {

class MemorySource final : public InputSource {
 public:
  std::map<std::string, std::string> files;
  std::map<std::string, std::vector<std::string>> names;  // their IP addresses

  InputFile read(const std::string& path, std::size_t) override {
    const auto found = files.find(path);
    if (found == files.end()) return {{}, "No such file or directory"};
    return {found->second, {}};
  }
  InputMatches match(const std::string& pattern) override {
    InputMatches out;
    for (const auto& [path, bytes] : files) {
      if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0) out.paths.push_back(path);
    }
    return out;
  }
  InputName resolve(const std::string& name) override {
    const auto found = names.find(name);
    if (found == names.end()) return {{}, "Name or service not known"};
    InputName out;
    for (const std::string& ip : found->second) out.addresses.push_back(*Address::parse_ip(ip));
    return out;
  }
};

// What a configuration needs besides itself, if only to exist.
inline std::unique_ptr<MemorySource> source_with(std::string text) {
  auto source = std::make_unique<MemorySource>();
  source->files["/etc/weir/weir.ini"] = std::move(text);
  source->files["/etc/weir/tls/example.pem"] = "certificate";
  source->files["/etc/weir/tls/example.key"] = "key";
  source->files["/etc/weir/tls/internal-ca.pem"] = "certificate";
  source->files["/etc/weir/tls/client.pem"] = "certificate";
  source->files["/etc/weir/tls/client.key"] = "key";
  source->files["/etc/weir/keys/partners.keys"] =
      "# partners\nacme sha256:"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF\n";
  source->names["origin.example.com"] = {"192.0.2.1", "2001:db8::1"};
  return source;
}

inline Loaded load_text(std::string text, std::string overrides = {}) {
  Inputs inputs(source_with(std::move(text)));
  return load(inputs, {"/etc/weir/weir.ini", "/srv/weir", std::move(overrides)});
}

}  // namespace weir::conf::test
