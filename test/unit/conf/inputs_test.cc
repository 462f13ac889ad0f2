#include "conf/inputs.h"

#include <doctest/doctest.h>

#include "support.h"

namespace weir::conf {

TEST_CASE("inputs: a snapshot gives the same answers, and nothing else") {
  Inputs live(test::source_with("[main]\n"));
  live.file("/etc/weir/weir.ini");
  live.file("/none");
  live.match("/etc/weir/tls/*.pem");
  live.resolve("origin.example.com");
  live.resolve("dead.example.com");
  auto parsed = Inputs::parse(live.serialise());
  REQUIRE(parsed);
  Inputs& snapshot = *parsed;
  CHECK(snapshot.file("/etc/weir/weir.ini").bytes == "[main]\n");
  CHECK(snapshot.file("/none").error == "No such file or directory");
  CHECK(snapshot.match("/etc/weir/tls/*.pem").paths.size() == 3);
  CHECK(snapshot.resolve("origin.example.com").addresses.size() == 2);
  CHECK(snapshot.resolve("dead.example.com").error == "Name or service not known");
  CHECK(snapshot.file("/etc/weir/tls/example.pem").error == "it is not in the snapshot");
  CHECK(snapshot.serialise().size() > live.serialise().size());  // the refusal is an answer, too
}

TEST_CASE("inputs: a damaged snapshot is refused, wherever it is cut or changed") {
  Inputs live(test::source_with("[main]\n"));
  live.file("/etc/weir/weir.ini");
  live.match("/etc/weir/keys/*");
  live.resolve("origin.example.com");
  const std::string whole = live.serialise();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(Inputs::parse(whole.substr(0, size)));
  }
  CHECK_FALSE(Inputs::parse(whole + "x"));
  std::string huge = whole;
  huge[14] = '\x7f';  // the number of files
  CHECK_FALSE(Inputs::parse(huge));
}

TEST_CASE("inputs: all files together are bounded") {
  auto source = std::make_unique<test::MemorySource>();
  source->files["/a"] = std::string(Inputs::bytes_max - 10, 'a');
  source->files["/b"] = std::string(11, 'b');
  source->files["/c"] = std::string(10, 'c');
  Inputs inputs(std::move(source));
  CHECK(inputs.file("/a").ok());
  CHECK_FALSE(inputs.file("/b").ok());
  CHECK(inputs.file("/c").ok());
}

TEST_CASE("inputs: the disk is read as it is") {
  Inputs inputs(live_source());
  CHECK(inputs.file("/nonexistent/x").error == "No such file or directory");
  CHECK(inputs.file("/").error == "Is a directory");
  CHECK(inputs.file("/dev/null").error == "Not a regular file");
  CHECK(inputs.match("/nonexistent/*.ini").error.empty());
  CHECK(inputs.match("/nonexistent/*.ini").paths.empty());
}

}  // namespace weir::conf
