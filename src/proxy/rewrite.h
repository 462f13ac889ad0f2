// rewrite and return: what a server or location does to a request by itself, before any upstream is
// asked.
#pragma once

#include <vector>

#include "proxy/router.h"
#include "proxy/stages.h"

namespace weir {

// In file order, as nginx: without a flag the next one sees the new path, and the location is
// looked for anew at the end; `last` ends them and looks for the location at once; `break` ends
// them and stays; `redirect`, `permanent`, and a replacement that begins with a scheme answer.
Next run_rewrites(Exchange& exchange, const std::vector<RewritePlan>& rewrites);

Next run_return(Exchange& exchange);

}  // namespace weir
