// What an error line says about the request it happened in, as nginx does:
//   ..., client: 192.0.2.1, server: example.com, request: "GET / HTTP/1.1", upstream:
//   "10.0.0.1:80", host: "example.com"
#pragma once

#include <string>

#include "http/template.h"

namespace weir::observe {

// Appends to a message; what has no value is left out.
void append_context(const Values& values, std::string& message);

}  // namespace weir::observe
