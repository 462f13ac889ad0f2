// Screen: the live view on a terminal (ncurses). Takes keys and shows frames until it is quit.
#pragma once

#include "tools/top/options.h"
#include "tools/top/source.h"

namespace weir::top {

// Until q, a signal, or the end of standard input; the exit status. `source` is attached.
int show(Source& source, const Options& options);

}  // namespace weir::top
