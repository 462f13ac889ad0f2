#include "os/folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace weir {

TEST_CASE("missing folders of a file are made whatever the umask, present ones stay as they are") {
  char pattern[] = "/tmp/weir-folder-XXXXXX";
  REQUIRE(::mkdtemp(pattern) != nullptr);
  const std::string root = pattern;
  const mode_t before = ::umask(077);
  make_folder_of(root + "/a/b/file");
  ::umask(before);
  struct stat status {};
  REQUIRE(::stat((root + "/a/b").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0755);
  REQUIRE(::stat(root.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  CHECK_FALSE(std::filesystem::exists(root + "/a/b/file"));
  std::filesystem::remove_all(root);
}

}  // namespace weir
