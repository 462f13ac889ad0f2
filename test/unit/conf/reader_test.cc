#include "conf/reader.h"

#include <doctest/doctest.h>
#include <ini.h>

#include <string>

namespace weir::conf {
namespace {

struct Read {
  std::vector<Line> lines;
  std::vector<Diagnostic> said;
};

Read read(std::string_view text) {
  Report report;
  const std::uint32_t file = report.add_file("t.ini", text);
  Read out;
  out.lines = read_lines(text, file, report);
  out.said = report.take();
  return out;
}

}  // namespace

TEST_CASE("reader: sections and pairs with their lines and columns") {
  const Read got =
      read("# c\n; c\n\n[main]\r\n  pid = run/x.pid  \n\n[server  web]\na=b=c:d # x\n");
  CHECK(got.said.empty());
  REQUIRE(got.lines.size() == 4);
  CHECK(got.lines[0].name == "main");
  CHECK(got.lines[0].number == 4);
  CHECK(got.lines[1].name == "pid");
  CHECK(got.lines[1].value == "run/x.pid");
  CHECK(got.lines[1].name_column == 3);
  CHECK(got.lines[1].value_column == 9);
  CHECK(got.lines[2].name == "server  web");
  CHECK(got.lines[3].value == "b=c:d # x");
  CHECK(got.lines[3].number == 8);
}

TEST_CASE("reader: every line that can't be read is one error, and none stops the rest") {
  const Read got = read(
      "early = 1\n[a\nlost = 1\n[b] x\n[c]\nno value\nlisten: 80\nlisten 80: 81\n"
      "= 1\nserver {\nok = 1\n");
  REQUIRE(got.said.size() == 8);
  CHECK(got.said[0].text == "\"early\" stands before any section");
  CHECK(got.said[1].text == "the section line lacks its ']'");
  CHECK(got.said[2].text == "nothing may follow ']'");
  CHECK(got.said[3].text == "\"no\" has no value");
  CHECK(got.said[4].text == "':' does not separate, only '='");
  CHECK(got.said[4].hint == "write listen = 80");
  CHECK(got.said[5].hint == "missing '=' after \"listen\"?");
  CHECK(got.said[6].text == "a name is missing before '='");
  CHECK(got.said[7].hint == "sections are written [kind NAME], without braces");
  REQUIRE(got.lines.size() == 2);  // [c] and ok; what stood below bad sections belongs nowhere
  CHECK(got.lines[1].name == "ok");
}

TEST_CASE("reader: control bytes and overlong lines are refused, tabs and CRLF are not") {
  for (const std::string& line :
       {std::string("a = b\x01"), std::string("a = b\0c", 7), std::string("a = \x7f"),
        std::string("a\r = b"), std::string("# c\x1b"),
        "a = " + std::string(line_bytes_max, 'x')}) {
    CAPTURE(line.substr(0, 20));
    const Read got = read("[main]\n" + line + "\nb = c\n");
    CHECK(got.said.size() == 1);
    REQUIRE(got.lines.size() == 2);
    CHECK(got.lines[1].number == 3);
  }
  CHECK(read("[main]\r\n\ta\t=\tb\r\n").said.empty());
}

TEST_CASE("reader: a line as long as allowed arrives whole") {
  const std::string value(line_bytes_max - 4, 'x');
  const Read got = read("[main]\na = " + value + "\nb = c");
  CHECK(got.said.empty());
  REQUIRE(got.lines.size() == 3);
  CHECK(got.lines[1].value == value);
  CHECK(got.lines[2].number == 3);
}

TEST_CASE("reader: indentation, inline comments and long section names do not confuse it") {
  const std::string name(100, 'n');
  const Read got = read("[log " + name + "]\n  a = 1\n   b = 2 ; x\n");
  CHECK(got.said.empty());
  REQUIRE(got.lines.size() == 3);
  CHECK(got.lines[0].name == "log " + name);
  CHECK(got.lines[2].name == "b");
  CHECK(got.lines[2].value == "2 ; x");
}

TEST_CASE("reader: a byte order mark is no text") {
  CHECK(without_byte_order_mark("\xef\xbb\xbf[main]") == "[main]");
  CHECK(without_byte_order_mark("[main]") == "[main]");
}

// What is relied on of the library itself; when it changes, the reader must be looked at again.
TEST_CASE("inih: one call per pair, blanks trimmed, the first separator splits") {
  read("[main]\n");  // sets the library's options
  std::string seen;
  const auto take = [](void* user, const char*, const char* name, const char* value) {
    *static_cast<std::string*>(user) += std::string(name) + '|' + value + '\n';
    return 1;
  };
  ini_parse_string(" a = b = c \nd:e=f\n  g = h ; i\nj=\n", take, &seen);
  CHECK(seen == "a|b = c\nd|e=f\ng|h ; i\nj|\n");
}

}  // namespace weir::conf
