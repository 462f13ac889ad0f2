// weir: the daemon. Options, then the process core with the proxy as its application.
#include <cstdio>
#include <string>

#include "conf/manual.h"
#include "os/process.h"
#include "process/boot.h"
#include "process/control_client.h"
#include "process/debug.h"
#include "process/options.h"
#include "process/proxy_application.h"

namespace {

using namespace weir;
using namespace weir::process;

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void say(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

int explain(const std::string& name) {
  if (const auto text = conf::explain(name)) {
    print(*text);
    return exit_ok;
  }
  const std::string hint = conf::closest_directive(name);
  say("weir: there is no directive \"" + name + "\"" + (hint.empty() ? "" : "; " + hint) + "\n");
  return exit_failure;
}

int act(const Options& options) {
  ProxyApplication application;
  switch (options.action) {
    case Options::Action::run: return run_instance(options, application);
    case Options::Action::test:
    case Options::Action::dump: return test_configuration(options, application);
    case Options::Action::debug: return debug_instance(options, application);
    case Options::Action::signal: return send_signal_to_instance(options);
    case Options::Action::check_zones: return check_zones_of_instance(options);
    case Options::Action::explain: return explain(options.argument);
    case Options::Action::version: say(version_line() + "\n"); return exit_ok;
    case Options::Action::build_info: say(build_info()); return exit_ok;
    case Options::Action::help: print(usage()); return exit_ok;
    case Options::Action::print_manual: print(conf::manual_page()); return exit_ok;
    case Options::Action::print_sample: print(conf::sample()); return exit_ok;
    case Options::Action::print_completion: print(conf::bash_completion()); return exit_ok;
  }
  return exit_arguments;
}

}  // namespace

int main(int argc, char** argv) {
  ProcessTitle::remember(argc, argv);
  const ParsedOptions parsed = parse_options(argc, argv);
  if (!parsed.error.empty()) {
    say("weir: " + parsed.error + "\n" + usage());
    return exit_arguments;
  }
  return act(parsed.options);
}
