// Whose certificate it is that a server shows: weir's own for development, or another.
#pragma once

#include <string>

#include "os/address.h"

namespace weir::load {

// Connects, shakes hands and looks; waits no longer than a few seconds. False, too, when nothing
// answers: then verification stays on, and the requests say what is wrong.
bool shows_development_certificate(const Address& address, const std::string& name);

}  // namespace weir::load
