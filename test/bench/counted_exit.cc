// In MODE=train: processes that end by _exit() leave what they counted for `make trained`.

// NOLINTBEGIN(bugprone-reserved-identifier): names that compiler and linker give
extern "C" {
void __gcov_dump();
[[noreturn]] void __real__exit(int status);

[[noreturn]] void __wrap__exit(int status) {
  __gcov_dump();
  __real__exit(status);
}
}
// NOLINTEND(bugprone-reserved-identifier)
