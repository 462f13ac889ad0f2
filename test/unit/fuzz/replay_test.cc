// Every fuzz target over its committed corpus: what fuzzing found once is not lost again.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "test/fuzz/fuzz.h"

namespace fs = std::filesystem;
using weir::fuzz::Target;

namespace {

const fs::path corpora = "test/fuzz/corpus";

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("fuzz: every target takes its corpus") {
  std::set<std::string> names;
  for (const Target* target = Target::first; target != nullptr; target = target->next) {
    CAPTURE(target->name);
    names.insert(target->name);
    std::vector<fs::path> inputs;
    for (const auto& entry : fs::directory_iterator(corpora / target->name))
      inputs.push_back(entry.path());
    std::sort(inputs.begin(), inputs.end());
    CHECK_FALSE(inputs.empty());
    target->run("");
    for (const fs::path& input : inputs) {
      CAPTURE(input);  // printed where a check of the target ends the program
      target->run(bytes_of(input));
    }
  }
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(corpora))
    folders.insert(entry.path().filename().string());
  CHECK(names == folders);
}
