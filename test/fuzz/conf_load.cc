// The configuration as a whole: any bytes are loaded or refused with a word, and what was loaded
// can be printed, read again and compared.
#include <memory>
#include <string>

#include "conf/diff.h"
#include "conf/load.h"
#include "conf/manual.h"
#include "test/fuzz/fuzz.h"

namespace weir::fuzz {
namespace {

// One file; every other input has three bytes, every name one address.
class OneFile final : public conf::InputSource {
 public:
  explicit OneFile(std::string text) : text_(std::move(text)) {}
  conf::InputFile read(const std::string& path, std::size_t) override {
    return {path == "/weir.ini" ? text_ : "abc", {}};
  }
  conf::InputMatches match(const std::string&) override { return {{"/a.ini", "/b.ini"}, {}}; }
  conf::InputName resolve(const std::string&) override {
    return {{*Address::parse_ip("192.0.2.1")}, {}};
  }

 private:
  std::string text_;
};

conf::Loaded load(std::string text, std::string overrides) {
  conf::Inputs inputs(std::make_unique<OneFile>(std::move(text)));
  conf::Loaded loaded = conf::load(inputs, {"/weir.ini", "/", std::move(overrides)});
  check((loaded.config == nullptr) == (loaded.errors > 0));
  const std::string report = loaded.report();
  check(report.empty() == (loaded.config != nullptr && loaded.diagnostics.empty()));
  for (const char c : report) check(c == '\n' || (c >= 0 ? c >= 0x20 && c != 0x7f : true));
  const auto snapshot = conf::Inputs::parse(inputs.serialise());
  check(static_cast<bool>(snapshot));
  return loaded;
}

void run(std::string_view text) {
  std::string overrides;
  if (text.starts_with("-g")) {
    const auto end = text.find('\n');
    overrides = std::string(text.substr(2, end - 2));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  const conf::Loaded loaded = load(std::string(text), std::move(overrides));
  if (loaded.config == nullptr) return;
  check(conf::diff(*loaded.config, *loaded.config).empty());
  const std::string shown = conf::dump(*loaded.config);
  if (!loaded.config->api_keys.empty()) return;  // masked keys can't be read again
  const conf::Loaded again = load(shown, {});
  check(again.config != nullptr);
  // Except for `off`, which clears what is inherited and is not printed.
  for (const std::string& change : conf::diff(*loaded.config, *again.config)) {
    check(change.find("_header ") != std::string::npos);
  }
}

}  // namespace
}  // namespace weir::fuzz

FUZZ_TARGET(conf_load) {
  if (input.size() <= 65536) weir::fuzz::run(input);
}
