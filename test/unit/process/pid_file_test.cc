#include "process/pid_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace weir::process {
namespace {

struct Folder {
  Folder() { path = ::mkdtemp(name); }
  ~Folder() {
    for (const char* file : {"/pid", "/other"}) ::unlink((path + file).c_str());
    ::rmdir(path.c_str());
  }
  Folder& operator=(Folder&&) = delete;
  char name[32] = "/tmp/weir-pid-XXXXXX";
  std::string path;
};

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  std::getline(file, text, '\0');
  return text;
}

}  // namespace

TEST_CASE("pid file: a second instance is refused with the pid of the first") {
  const Folder folder;
  const std::string path = folder.path + "/pid";
  auto first = PidFile::take(path, 4711);
  REQUIRE(first.file);
  CHECK(content(path) == "4711\n");
  const auto second = PidFile::take(path, 4712);
  CHECK_FALSE(second.file);
  CHECK(second.holder == 4711);
  CHECK(PidFile::holder(path) == 4711);
  first.file->remove();
  CHECK_FALSE(PidFile::holder(path));
  CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("pid file: what a killed master left behind is taken over") {
  const Folder folder;
  const std::string path = folder.path + "/pid";
  std::ofstream(path) << "999999999999\n";
  CHECK_FALSE(PidFile::holder(path));
  auto taken = PidFile::take(path, 12);
  REQUIRE(taken.file);
  CHECK(content(path) == "12\n");
}

TEST_CASE("pid file: a link in its place is replaced, its target left alone") {
  const Folder folder;
  const std::string path = folder.path + "/pid", other = folder.path + "/other";
  std::ofstream(other) << "precious";
  SUBCASE("symbolic") { REQUIRE(::symlink(other.c_str(), path.c_str()) == 0); }
  SUBCASE("hard") { REQUIRE(::link(other.c_str(), path.c_str()) == 0); }
  REQUIRE(PidFile::take(path, 12).file);
  CHECK(content(other) == "precious");
  CHECK(content(path) == "12\n");
}

TEST_CASE("pid file: a folder that can not be made is an error that names it") {
  const auto taken = PidFile::take("/dev/null/weir.pid", 1);
  CHECK_FALSE(taken.file);
  CHECK(taken.holder == 0);
  CHECK(taken.error == "open(/dev/null/weir.pid): Not a directory");
}

}  // namespace weir::process
