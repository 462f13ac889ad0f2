#include "process/control_protocol.h"

#include <doctest/doctest.h>

#include "process/order_desk.h"

namespace weir::process {

TEST_CASE("control: every command goes out and comes in the same") {
  for (const Command command : {Command::status, Command::reload, Command::reopen, Command::stop,
                                Command::quit, Command::zones, Command::upstream}) {
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

TEST_CASE("control: an order about a peer goes out and comes in the same") {
  for (const PeerCommand& order : std::initializer_list<PeerCommand>{
           {PeerCommand::Action::add, "api", "10.0.0.1:80", 3, true, true},
           {PeerCommand::Action::weight, "api", "unix:/run/a \"b\"", 65'535},
           {PeerCommand::Action::drain, "api", "[::1]:80"}}) {
    const std::string line = request_line(Request(order));
    const auto read = parse_request(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(read);
    CHECK(read->command == Command::upstream);
    CHECK(read->order == order);
  }
  for (const char* line :
       {R"({"command":"upstream","action":"drain","group":"a"})",
        R"({"command":"upstream","action":"shoot","group":"a","peer":"b"})",
        R"({"command":"upstream","action":"drain","group":"a","peer":1})",
        R"({"command":"upstream","action":"drain","group":"a","peer":"b","x":1})",
        R"({"command":"upstream","action":"weight","group":"a","peer":"b"})",
        R"({"command":"upstream","action":"weight","group":"a","peer":"b","weight":65536})",
        R"({"command":"upstream","action":"drain","group":"a","peer":"b","persist":1})",
        R"({"command":"reload","action":"drain","group":"a","peer":"b"})"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_request(line));
  }
}

TEST_CASE("control: a command to purge goes out and comes in the same") {
  using What = PurgeCommand::What;
  for (const PurgeCommand& purge :
       std::initializer_list<PurgeCommand>{{What::url, "http://a/b?\"c\"", "pages", true},
                                           {What::prefix, "http://a/"},
                                           {What::key, "httpa/\naccept=\xc3\xa4", "pages"},
                                           {What::tag, "news"},
                                           {What::all, {}, {}, true}}) {
    const std::string line = request_line(Request(purge));
    const auto read = parse_request(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(read);
    CHECK(read->command == Command::purge);
    CHECK(read->purge == purge);
  }
  for (const char* line :
       {R"({"command":"purge"})", R"({"command":"purge","what":"url"})",
        R"({"command":"purge","what":"everything"})",
        R"({"command":"purge","what":"all","text":"a"})",
        R"({"command":"purge","what":"tag","text":""})",
        R"({"command":"purge","what":"tag","text":1})",
        R"({"command":"purge","what":"tag","text":"a\u0000b"})",
        R"({"command":"purge","what":"all","cache":""})",
        R"({"command":"purge","what":"all","soft":1})", R"({"command":"purge","what":"all","x":1})",
        R"({"command":"reload","what":"all"})"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_request(line));
  }
}

TEST_CASE("control: an order passes through a message of the channel, or is refused") {
  const PeerCommand order{PeerCommand::Action::add, "api", "10.0.0.1:80", 3, true, true};
  const auto message = order_message(order, 9);
  REQUIRE(message);
  CHECK(message->value == 9);
  CHECK(order_of(*message) == order);
  PeerCommand bad = order;
  bad.peer = std::string(240, 'x');
  CHECK_FALSE(order_message(bad, 9));
  bad.peer = "a\nb";
  CHECK_FALSE(order_message(bad, 9));
  Message strange = *message;
  strange.index = 99;
  CHECK_FALSE(order_of(strange));
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
