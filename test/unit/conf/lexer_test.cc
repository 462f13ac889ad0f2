#include "conf/lexer.h"

#include <doctest/doctest.h>

namespace weir::conf {
namespace {

std::vector<std::string> texts(std::string_view value) {
  std::vector<Word> words;
  REQUIRE(lex(value, 1, words).what.empty());
  std::vector<std::string> out;
  for (const Word& word : words) out.push_back(word.text);
  return out;
}

}  // namespace

TEST_CASE("lexer: words are separated by blanks, quotes keep them together") {
  using Texts = std::vector<std::string>;
  CHECK(texts("").empty());
  CHECK(texts("a \t b") == Texts{"a", "b"});
  CHECK(texts(R"(200 "ok\n")") == Texts{"200", "ok\n"});
  CHECK(texts(R"("a \" \\ \t \r b")") == Texts{"a \" \\ \t \r b"});
  CHECK(texts(R"(over="1 2" x)") == Texts{"over=1 2", "x"});
  CHECK(texts(R"("" a)") == Texts{"", "a"});
  CHECK(texts(R"(^/a\.b$ don't a;b a#b)") == Texts{R"(^/a\.b$)", "don't", "a;b", "a#b"});
}

TEST_CASE("lexer: columns are those of the line") {
  std::vector<Word> words;
  CHECK(lex(R"(ab "c d" e)", 8, words).what.empty());
  REQUIRE(words.size() == 3);
  CHECK(words[0].column == 8);
  CHECK(words[1].column == 11);
  CHECK(words[1].quoted);
  CHECK(words[2].column == 17);
}

TEST_CASE("lexer: what would silently mean something else is an error") {
  for (const char* value : {"\"open", "\"a\\x\"", "\"a\\", "\"a\"b", "a\"b\"", "'a b'", "4;",
                            "on # no", "on ; no", "#", ";", "\"a\\q\"", "a=b=\"c\""}) {
    CAPTURE(value);
    std::vector<Word> words;
    CHECK_FALSE(lex(value, 1, words).what.empty());
  }
}

TEST_CASE("lexer: quoted() gives text that reads as the same word") {
  for (const char* text : {"plain", "", "two words", "q\"uote", "back\\slash", "tab\tnew\nline\r",
                           "'single", "#hash", ";semi", "end;", "\\", "\\ "}) {
    CAPTURE(text);
    CHECK(texts(quoted(text)) == std::vector<std::string>{text});
  }
}

}  // namespace weir::conf
