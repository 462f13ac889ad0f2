// Invalidation (RFC 9111 4.4): which stored answers an unsafe request makes doubtful.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace weir::cache {

// The target and what Location and Content-Location name, of this origin alone (else one origin
// could drop another's): as path and query, for a cache_key to be rendered with. Empty: the method
// is safe, or the answer is an error. `scheme`: of the client's connection.
std::vector<std::string> invalidated_by(const RequestHead& request, std::string_view scheme,
                                        const ResponseHead& answer);

}  // namespace weir::cache
