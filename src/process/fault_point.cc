#include "process/fault_point.h"

#ifdef WEIR_TEST_HOOKS
#include <cstdlib>
#include <fstream>
#include <string>

namespace weir::process {

bool fault_point(std::string_view name) {
  const char* path = std::getenv("WEIR_TEST_FAULTS");
  if (path == nullptr) return false;
  std::ifstream file(path);
  std::string wanted;
  while (file >> wanted) {
    if (wanted == name) return true;
  }
  return false;
}

}  // namespace weir::process
#endif
