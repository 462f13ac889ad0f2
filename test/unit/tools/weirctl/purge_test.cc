#include "tools/weirctl/purge.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::ctl;
using process::PurgeCommand;
using What = PurgeCommand::What;

namespace {

PurgeWords parse(std::initializer_list<std::string_view> words) { return parse_purge(words); }

}  // namespace

TEST_CASE("weirctl purge: its words, in any order") {
  CHECK(parse({"http://a/b"}).command == PurgeCommand{What::url, "http://a/b"});
  CHECK(parse({"http://a/b=c", "--soft"}).command ==
        PurgeCommand{What::url, "http://a/b=c", "", true});
  CHECK(parse({"--cache", "c", "http://a/b"}).command ==
        PurgeCommand{What::url, "http://a/b", "c"});
  CHECK(parse({"--prefix", "http://a/", "--cache=c", "--soft"}).command ==
        PurgeCommand{What::prefix, "http://a/", "c", true});
  CHECK(parse({"--prefix=http://a/?b=c"}).command == PurgeCommand{What::prefix, "http://a/?b=c"});
  CHECK(parse({"--tag", "--news"}).command == PurgeCommand{What::tag, "--news"});
  CHECK(parse({"--key", "httpa/b\naccept=x"}).command ==
        PurgeCommand{What::key, "httpa/b\naccept=x"});
  CHECK(parse({"--all"}).command == PurgeCommand{What::all});
  CHECK(parse({"--all", "--soft"}).error == "");
}

TEST_CASE("weirctl purge: words that make no command") {
  for (const auto& words : std::initializer_list<std::vector<std::string_view>>{
           {},
           {""},
           {"--soft"},
           {"--cache", "c"},
           {"--tag"},
           {"--tag", ""},
           {"--tag="},
           {"--nonsense"},
           {"-s"},
           {"http://a/", "http://b/"},
           {"http://a/", "--all"},
           {"--all", "--tag", "x"},
           {"--all=1"},
           {"--all", "--cache", "a", "--cache", "b"}}) {
    CAPTURE(words.size());
    CHECK(parse_purge(words).error != "");
  }
}

TEST_CASE("weirctl purge: a text that the control protocol can't carry is refused here") {
  CHECK(parse({"http://a/" + std::string(4000, 'x')}).error == "");
  CHECK(parse({"http://a/" + std::string(4096, 'x')}).error.find("too long") != std::string::npos);
  CHECK(parse({"--tag", "\xff"}).error == "the text is not UTF-8");
}
