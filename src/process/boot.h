// Boot: from the command line to a running master, in the order that lets every error be told to
// whoever started it: read and prove (terminal), leave the terminal, lock, make zones, bind, fork,
// wait until workers accept, then let the starting shell go.
#pragma once

#include "conf/load.h"
#include "os/fd.h"
#include "process/application.h"
#include "process/options.h"

namespace weir::process {

// Runs an instance to its end; the exit status. With `report` it stays in the foreground and writes
// there, as one byte, how the start went.
int run_instance(const Options& options, Application& application, Fd report = {});

// -t and -T.
int test_configuration(const Options& options, Application& application);

// Which files and folders the options mean, absolute.
conf::LoadOptions load_options_of(const Options& options);

}  // namespace weir::process
