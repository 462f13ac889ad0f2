#include "cache/invalidation.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::Lines;
using test::request;
using Uris = std::vector<std::string>;

TEST_CASE("invalidation: by unsafe methods that went well (RFC 9111 4.4)") {
  struct Case {
    Method method;
    std::uint16_t status;
    bool invalidates;
  };
  for (const Case& test : std::vector<Case>{
           {Method::post, 200, true},
           {Method::put, 204, true},
           {Method::delete_, 200, true},
           {Method::patch, 200, true},
           {Method::post, 201, true},
           {Method::post, 303, true},
           {Method::other, 200, true},
           {Method::post, 400, false},
           {Method::post, 500, false},
           {Method::delete_, 404, false},
           {Method::post, 103, false},
           {Method::get, 200, false},
           {Method::head, 200, false},
           {Method::options, 200, false},
           {Method::trace, 200, false},
       }) {
    CAPTURE(test.status);
    const auto uris = invalidated_by(request(test.method), "http", answer(test.status, {}));
    CHECK(uris == (test.invalidates ? Uris{"/dir/page?q=1"} : Uris{}));
  }
}

TEST_CASE("invalidation: what Location and Content-Location name, of this origin alone") {
  struct Case {
    std::string_view location;
    std::string_view is;  // empty: nothing but the target
  };
  for (const Case& test : std::vector<Case>{
           {"/other", "/other"},
           {"/other?a=b", "/other?a=b"},
           {"/other#part", "/other"},
           {"http://example.com/other", "/other"},
           {"HTTP://EXAMPLE.com/other", "/other"},
           {"http://example.com:80/other", "/other"},
           {"http://example.com:/other", "/other"},
           {"//example.com/other", "/other"},
           {"http://example.com", "/"},
           {"http://example.com?x", "/?x"},
           // RFC 3986 5.2: relative to the target
           {"other", "/dir/other"},
           {"./other", "/dir/other"},
           {"../other", "/other"},
           {"../../../other", "/other"},
           {"sub/../other/.", "/dir/other/"},
           {"..", "/"},
           {"?q=2", "/dir/page?q=2"},
           {"a:b/other", ""},
           {"./a:b", "/dir/a:b"},
           // another origin
           {"http://example.org/other", ""},
           {"https://example.com/other", ""},
           {"http://example.com:8080/other", ""},
           {"http://example.com.evil/other", ""},
           {"http://user@example.com/other", ""},
           {"//evil/other", ""},
           {"mailto:someone", ""},
           {"http:other", ""},
           // nothing
           {"", ""},
           {"#part", ""},
           {"/a\x01", ""},
           {"/dir/page?q=1", ""},
       }) {
    CAPTURE(test.location);
    Uris wanted = {"/dir/page?q=1"};
    if (!test.is.empty()) wanted.emplace_back(test.is);
    for (const char* name : {"Location", "Content-Location"}) {
      CHECK(invalidated_by(request(Method::post), "http", answer(201, {{name, test.location}})) ==
            wanted);
    }
  }
  const auto both = invalidated_by(request(Method::post), "http",
                                   answer(201, {{"Location", "/a"}, {"Content-Location", "/b"}}));
  CHECK(both == Uris{"/dir/page?q=1", "/a", "/b"});
  const auto twice = invalidated_by(request(Method::post), "http",
                                    answer(201, {{"Location", "/a"}, {"Location", "/b"}}));
  CHECK(twice == Uris{"/dir/page?q=1"});
}

}  // namespace
}  // namespace weir::cache
