#include "process/options.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

namespace weir::process {
namespace {

ParsedOptions parse(std::initializer_list<const char*> words) {
  std::vector<std::string> texts{"weir"};
  texts.insert(texts.end(), words.begin(), words.end());
  std::vector<char*> argv;
  argv.reserve(texts.size() + 2);
  for (auto& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(texts.size()), argv.data());
}

}  // namespace

TEST_CASE("options: nginx's letters and the long forms mean the same") {
  using enum Options::Action;
  const struct {
    const char *letter, *word;
    Options::Action action;
  } rows[] = {{"-t", "--test", test},       {"-T", "--dump", dump},
              {"-v", "--version", version}, {"-V", "--build-info", build_info},
              {"-h", "--help", help},       {"-?", "--help", help}};
  for (const auto& row : rows) {
    CAPTURE(row.letter);
    CHECK(parse({row.letter}).error.empty());
    CHECK(parse({row.letter}).options.action == row.action);
    CHECK(parse({row.word}).options.action == row.action);
  }
  CHECK(parse({}).options.action == run);
}

TEST_CASE("options: values are taken, directives add up") {
  const auto parsed = parse(
      {"-p", "/srv", "-c", "a.ini", "-g", "daemon=off", "-g", "pid=x", "-q", "-e", "stderr", "-t"});
  REQUIRE(parsed.error.empty());
  CHECK(parsed.options.prefix == "/srv");
  CHECK(parsed.options.file == "a.ini");
  CHECK(parsed.options.overrides == "daemon=off; pid=x");
  CHECK(parsed.options.error_log == "stderr");
  CHECK(parsed.options.quiet);
  CHECK(parse({"--config=b.ini"}).options.file == "b.ini");
}

TEST_CASE("options: -s takes four words") {
  for (const char* word : {"stop", "quit", "reload", "reopen"}) {
    const auto parsed = parse({"-s", word});
    CHECK(parsed.error.empty());
    CHECK(parsed.options.action == Options::Action::signal);
    CHECK(parsed.options.argument == word);
  }
  CHECK_FALSE(parse({"-s", "restart"}).error.empty());
}

TEST_CASE("options: --debug runs, and does nothing besides") {
  CHECK(parse({"--debug", "-c", "a.ini"}).options.action == Options::Action::debug);
  CHECK_FALSE(parse({"--debug", "-t"}).error.empty());
  CHECK_FALSE(parse({"-s", "stop", "--debug"}).error.empty());
}

TEST_CASE("options: -t and -T together dump") {
  CHECK(parse({"-t", "-T"}).options.action == Options::Action::dump);
  CHECK(parse({"-T", "-t"}).options.action == Options::Action::dump);
}

TEST_CASE("options: what is refused") {
  const std::initializer_list<const char*> lines[] = {
      {"-x"},       {"--nonsense"},       {"-c"},       {"-s"}, {"file"},
      {"-t", "-v"}, {"-s", "stop", "-t"}, {"--explain"}};
  for (const auto& words : lines) {
    CAPTURE(*words.begin());
    CHECK_FALSE(parse(words).error.empty());
  }
  CHECK(parse({"-qx"}).error == "unknown option \"-qx\"");
}

}  // namespace weir::process
