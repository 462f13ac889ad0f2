#include "tools/top/options.h"

#include <doctest/doctest.h>

#include <vector>

using namespace weir::top;

namespace {

Parsed parse(std::vector<const char*> words) {
  words.insert(words.begin(), "weir-top");
  words.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()) - 1, const_cast<char* const*>(words.data()));
}

}  // namespace

TEST_CASE("weir-top: intervals with and without unit") {
  using std::chrono::milliseconds;
  CHECK(parse({}).options.interval == milliseconds(1000));
  CHECK(parse({"--interval", "2"}).options.interval == milliseconds(2000));
  CHECK(parse({"-i", "0.5"}).options.interval == milliseconds(500));
  CHECK(parse({"-i", "1.25s"}).options.interval == milliseconds(1250));
  CHECK(parse({"-i", "250ms"}).options.interval == milliseconds(250));
  for (const char* text : {"0", "-1", "99ms", "61s", "1.2ms", "1.", "1.2345", "s", "ms", "", "1m",
                           "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse({"-i", text}).error.empty());
  }
}

TEST_CASE("weir-top: what is asked for") {
  CHECK(parse({}).options.action == Options::Action::screen);
  CHECK(parse({"--once"}).options.action == Options::Action::once);
  CHECK(parse({"-j"}).options.action == Options::Action::json);
  const Options options =
      parse({"-c", "a.ini", "-p", "/srv", "-s", "x.sock", "--log", "l"}).options;
  CHECK(options.instance.file == "a.ini");
  CHECK(options.instance.prefix == "/srv");
  CHECK(options.socket == "x.sock");
  CHECK(options.log == "l");
  CHECK(parse({"--nonsense"}).error == "unknown option --nonsense");
  CHECK(parse({"--socket"}).error == "no value behind --socket");
  CHECK(parse({"more"}).error == "unexpected more");
}
