#include "process/control_protocol.h"

#include <doctest/doctest.h>

namespace weir::process {

TEST_CASE("control: every command goes out and comes in the same") {
  for (const Command command : {Command::status, Command::reload, Command::reopen, Command::stop,
                                Command::quit, Command::zones}) {
    CAPTURE(name(command));
    const std::string line = request_line(command);
    CHECK(line.back() == '\n');
    CHECK(parse_request(std::string_view(line).substr(0, line.size() - 1)) == command);
  }
}

TEST_CASE("control: what is not a request") {
  for (const char* line : {"", "reload", "{}", "[]", "null", "{\"command\":1}",
                           "{\"command\":\"explode\"}", "{\"command\":\"reload\"",
                           "{\"command\":\"reload\",\"now\":true}", "{\"Command\":\"reload\"}"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_request(line));
  }
  CHECK_FALSE(parse_request("{\"command\":\"" + std::string(control_line_max, 'a') + "\"}"));
  CHECK_FALSE(parse_request(std::string(control_line_max, '[')));
}

TEST_CASE("control: an answer survives the way, whatever bytes it carries") {
  Answer answer;
  answer.ok = false;
  answer.exit_code = 6;
  answer.error = "a.ini:3: \"x\"\nis unknown \xff";
  answer.changes = {"listen 80 added", "a -> b"};
  answer.generation = 7;
  const std::string line = answer_line(answer);
  CHECK(line.find('\n') == line.size() - 1);
  const auto read = parse_answer(line);
  REQUIRE(read);
  CHECK_FALSE(read->ok);
  CHECK(read->exit_code == 6);
  CHECK(read->generation == 7);
  CHECK(read->changes == answer.changes);
  CHECK(read->error.starts_with("a.ini:3: \"x\"\nis unknown "));
}

TEST_CASE("control: what is not an answer") {
  for (const char* line : {"", "{}", "{\"ok\":1}", "true", "[true]", "{\"ok\":true"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_answer(line));
  }
}

}  // namespace weir::process
