#include "http/media_types.h"

#include <doctest/doctest.h>

#include <string_view>

namespace weir {
namespace {

MediaTypes types(std::initializer_list<std::string_view> patterns) {
  MediaTypes out;
  for (const std::string_view pattern : patterns) REQUIRE(out.add(pattern));
  return out;
}

}  // namespace

TEST_CASE("media types: a type matches in any case, with or without parameters") {
  const MediaTypes list = types({"text/html"});
  CHECK(list.match("text/html"));
  CHECK(list.match("Text/HTML;charset=utf-8"));
  CHECK(list.match("text/html ; charset=utf-8"));
  CHECK_FALSE(list.match("text/htm"));
  CHECK_FALSE(list.match("text/html5"));
  CHECK_FALSE(list.match("application/x;a=text/html"));
  CHECK_FALSE(list.match(""));
}

TEST_CASE("media types: one pattern stands for a whole type, for a suffix, or for all") {
  CHECK(types({"text/*"}).match("text/css"));
  CHECK_FALSE(types({"text/*"}).match("text/"));
  CHECK_FALSE(types({"text/*"}).match("context/css"));
  CHECK(types({"+json"}).match("application/problem+json; charset=utf-8"));
  CHECK_FALSE(types({"+json"}).match("application/json"));
  CHECK_FALSE(types({"+json"}).match("application/xjson"));
  CHECK_FALSE(types({"+xml"}).match("image/svg+xmlx"));
  CHECK(types({"*"}).match("image/png"));
  CHECK_FALSE(types({"*"}).match("png"));
}

TEST_CASE("media types: what is no pattern is refused; one that stands there already stays one") {
  MediaTypes list;
  for (const std::string_view bad : {"", "text", "text/", "/html", "*/*", "*/html", "te xt/html",
                                     "text/html;q=1", "+", "+js on", "**"})
    CHECK_FALSE(list.add(bad));
  CHECK(list.add("Text/HTML"));
  CHECK(list.has("text/html"));
  CHECK(list.add("text/html"));
  CHECK(list.patterns().size() == 1);
}

}  // namespace weir
