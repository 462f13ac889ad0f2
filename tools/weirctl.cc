// weirctl: talks to a running weir over its control socket, and makes key hashes. man/weirctl.1.
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/version.h"
#include "process/control_client.h"
#include "process/options.h"
#include "tools/weirctl/purge.h"
#include "tools/weirctl/upstream.h"

namespace {

using namespace weir;
using namespace weir::process;

constexpr std::size_t key_bytes_max = 4096;

constexpr const char* usage_text =
    R"(Usage: weirctl [-c FILE] [-p PREFIX] [-s SOCKET] [-q] COMMAND

  status             what runs and what it counted, as JSON
  reload             read the configuration again; says what changed or why not
  reopen             open the log files again
  stop               end now: two seconds for what is being answered
  quit               end when the last connection has gone
  check-zones        look for damage in the shared memory
  upstream list [GROUP] [--json | --names]
                     the peers of all groups, or of one: state, since when,
                     failures, requests in flight, weight, order, last error
  upstream add GROUP ADDRESS [weight=N] [backup] [persist]
  upstream remove | drain | disable | enable GROUP PEER [persist]
  upstream weight GROUP PEER N [persist]
                     orders about a peer, in force at once and until the next
                     reload; persist: over reloads and restarts
  purge URL | --prefix URL | --tag KEY | --key TEXT | --all
                     [--cache NAME] [--soft]
                     drop stored answers: of a URL, of all that begin so, of a
                     surrogate key, of a rendered cache_key, or all of them; from
                     one [cache] or each; --soft: they become stale instead
  hash-key NAME [KEY]
                     a line for [api_keys]; without KEY it is read from standard
                     input, on a terminal without showing it

  -s, --socket SOCKET  control socket (default: that of the instance of -c)
  -c, --config FILE    configuration of the instance (default /etc/weir/weir.ini)
  -p, --prefix PREFIX  what relative paths hang off (default: the current folder)
  -q, --quiet          only errors
  -v, --version        version
  -h, --help           this text

Exit status: 0 done, 1 failure, 2 arguments, 4 not permitted, 6 configuration, 7 not running.
)";

int misuse(const std::string& what) {
  std::fprintf(stderr, "weirctl: %s\n%s", what.c_str(), usage_text);
  return exit_arguments;
}

// Switches the terminal's echo off for as long as it lives.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (!silent_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  Silence& operator=(Silence&&) = delete;

 private:
  termios before_{};
  bool silent_ = false;
};

// One line without its end; false when there is none, or too long a one.
bool read_key(std::string& key) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (terminal) std::fputs("key: ", stderr);
  const Silence silence;
  char byte;
  while (key.size() <= key_bytes_max) {
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || byte == '\n') break;
    key += byte;
  }
  if (!key.empty() && key.back() == '\r') key.pop_back();
  return !key.empty() && key.size() <= key_bytes_max;
}

bool is_key_name(std::string_view name) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(allowed) == name.npos;
}

int hash_key(int count, char** words) {
  if (count < 1 || count > 2) return misuse("hash-key needs NAME, and takes one KEY");
  if (!is_key_name(words[0])) {
    return misuse("a key's name has 1 to 64 letters, digits, '_', '.' or '-'");
  }
  std::string key = count == 2 ? words[1] : "";
  if (count == 1 && !read_key(key)) {
    std::fprintf(stderr, "weirctl: no key, or one of more than %zu bytes\n", key_bytes_max);
    return exit_failure;
  }
  if (key.empty() || key.find_first_of(std::string_view("\0\r\n", 3)) != key.npos) {
    return misuse("an empty key, or one with a control byte, can't be sent in a header");
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  ::SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  ::OPENSSL_cleanse(key.data(), key.size());
  std::printf("%s sha256:", words[0]);
  for (const unsigned char byte : digest) std::printf("%02x", byte);
  std::printf("\n");
  return exit_ok;
}

int run_upstream(const Options& options, const std::string& socket, int count, char** words) {
  const ctl::UpstreamWords parsed = ctl::parse_upstream({words, words + count});
  if (!parsed.error.empty()) return misuse(parsed.error);
  const std::string path = socket.empty() ? control_socket_of(options) : socket;
  if (!parsed.lists) {
    return print_answer("weirctl", ask(path, Request(parsed.order)), Command::upstream,
                        options.quiet);
  }
  const Asked asked = ask(path, Command::upstream);
  if (!asked.answer || !asked.answer->ok) {
    return print_answer("weirctl", asked, Command::upstream, options.quiet);
  }
  std::string out;
  const bool colours = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  if (!ctl::print_upstreams(asked.answer->status, parsed, colours, out)) {
    std::fprintf(stderr, "weirctl: there is no upstream \"%s\"\n", parsed.group.c_str());
    return exit_failure;
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return exit_ok;
}

int run_purge(const Options& options, const std::string& socket, int count, char** words) {
  const ctl::PurgeWords parsed = ctl::parse_purge({words, words + count});
  if (!parsed.error.empty()) return misuse(parsed.error);
  const std::string path = socket.empty() ? control_socket_of(options) : socket;
  return print_answer("weirctl", ask(path, Request(parsed.command)), Command::purge, options.quiet);
}

int run_command(const Options& options, const std::string& socket, std::string_view word) {
  if (word == "check-zones") {
    return socket.empty() ? check_zones_of_instance(options) : check_zones_at(socket);
  }
  const auto command = command_named(word);
  if (!command || *command == Command::zones || *command == Command::upstream ||
      *command == Command::purge) {
    return misuse("unknown command \"" + std::string(word) + "\"");
  }
  const std::string path = socket.empty() ? control_socket_of(options) : socket;
  return print_answer("weirctl", ask(path, *command), *command, options.quiet);
}

}  // namespace

int main(int argc, char** argv) {
  static const option long_options[] = {{"socket", required_argument, nullptr, 's'},
                                        {"config", required_argument, nullptr, 'c'},
                                        {"prefix", required_argument, nullptr, 'p'},
                                        {"quiet", no_argument, nullptr, 'q'},
                                        {"version", no_argument, nullptr, 'v'},
                                        {"help", no_argument, nullptr, 'h'},
                                        {nullptr, 0, nullptr, 0}};
  Options options;
  std::string socket;
  for (;;) {
    const int letter = ::getopt_long(argc, argv, "+s:c:p:qvh", long_options, nullptr);
    if (letter < 0) break;
    switch (letter) {
      case 's': socket = ::optarg; break;
      case 'c': options.file = ::optarg; break;
      case 'p': options.prefix = ::optarg; break;
      case 'q': options.quiet = true; break;
      case 'v': std::printf("weirctl version: weir/%s\n", std::string(version).c_str()); return 0;
      case 'h': std::fputs(usage_text, stdout); return exit_ok;
      default: std::fputs(usage_text, stderr); return exit_arguments;
    }
  }
  if (::optind >= argc) return misuse("no command");
  const std::string_view word = argv[::optind];
  if (word == "hash-key") return hash_key(argc - ::optind - 1, argv + ::optind + 1);
  if (word == "upstream") {
    return run_upstream(options, socket, argc - ::optind - 1, argv + ::optind + 1);
  }
  if (word == "purge") {
    return run_purge(options, socket, argc - ::optind - 1, argv + ::optind + 1);
  }
  if (::optind + 1 != argc) return misuse("unexpected \"" + std::string(argv[::optind + 1]) + "\"");
  return run_command(options, socket, word);
}
