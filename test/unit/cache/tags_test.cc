#include "cache/tags.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support.h"

namespace weir::cache {
namespace {

using test::answer;
using test::Lines;
using test::request;

std::string text_of(const Tags& tags) {
  std::string out;
  for (const std::string_view tag : tags.all()) out.append(out.empty() ? "" : "|").append(tag);
  return out;
}

TEST_CASE("tags: Surrogate-Key is separated by blanks, Cache-Tag by commas") {
  struct Case {
    Lines fields;
    std::string_view is;
  };
  for (const Case& test : std::vector<Case>{
           {{}, ""},
           {{{"Surrogate-Key", "a b  c\td"}}, "a|b|c|d"},
           {{{"Surrogate-Key", ""}}, ""},
           {{{"Surrogate-Key", "a,b"}}, "a,b"},
           {{{"Cache-Tag", "a, b ,c d,,"}}, "a|b|c d"},
           {{{"Cache-Tag", "a"}, {"Surrogate-Key", "b a"}, {"cache-tag", "c"}}, "a|b|c"},
           {{{"X-Key", "a"}}, ""},
       }) {
    CHECK(text_of(tags_of(answer(200, test.fields).fields)) == test.is);
  }
}

TEST_CASE("tags: more than 64, or one that is too long, is told") {
  std::string many;
  for (int i = 0; i < 64; ++i) many += "t" + std::to_string(i) + ' ';
  const ResponseHead all = answer(200, {{"Surrogate-Key", many}});
  CHECK_FALSE(tags_of(all.fields).too_many());
  CHECK(tags_of(all.fields).all().size() == 64);
  many += "one-more";
  CHECK(tags_of(answer(200, {{"Surrogate-Key", many}}).fields).too_many());
  CHECK(tags_of(answer(200, {{"Cache-Tag", std::string(257, 'a')}}).fields).too_many());
  CHECK_FALSE(tags_of(answer(200, {{"Cache-Tag", std::string(256, 'a')}}).fields).too_many());
}

TEST_CASE("tags: clients do not see them") {
  ResponseHead head = answer(200, {{"Surrogate-Key", "a"}, {"Cache-Tag", "b"}, {"ETag", "\"c\""}});
  remove_tag_fields(head.fields);
  REQUIRE(head.fields.size() == 1);
  CHECK(head.fields.has(FieldId::etag));
}

TEST_CASE("purge: what an order names") {
  const RequestHead head = request(Method::other, {}, "/a/b?c=*d");
  const auto uri = purge_order(head);
  REQUIRE(uri);
  CHECK((uri->kind == PurgeOrder::Kind::uri));
  CHECK(uri->request_uri == "/a/b?c=*d");
  CHECK_FALSE(uri->soft);

  const auto prefix = purge_order(request(Method::other, {{"X-Purge-Soft", "1"}}, "/a/*"));
  REQUIRE(prefix);
  CHECK((prefix->kind == PurgeOrder::Kind::prefix));
  CHECK(prefix->request_uri == "/a/");
  CHECK(prefix->soft);

  const RequestHead by_tag =
      request(Method::other, {{"Surrogate-Key", "a b"}, {"X-Purge-Soft", "0"}}, "/a/*");
  const auto tags = purge_order(by_tag);
  REQUIRE(tags);
  CHECK((tags->kind == PurgeOrder::Kind::tags));
  CHECK(text_of(tags->tags) == "a|b");
  CHECK_FALSE(tags->soft);

  CHECK_FALSE(purge_order(request(Method::other, {{"Cache-Tag", std::string(300, 'a')}})));
}

}  // namespace
}  // namespace weir::cache
