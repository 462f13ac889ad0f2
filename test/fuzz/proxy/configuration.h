// The configuration of the one worker, and what the judge has to know of its locations.
#pragma once

#include <string_view>

namespace weir::fuzz {

extern const char* const configuration;

// The location of a normalised path at the server `web`.
struct Place {
  bool stored = false;  // has a cache
  bool sliced = false;  // and takes large answers from slices
  bool coded = false;   // has content codings
  bool quiet = false;   // neither says X-Conn and X-Req nor logs: its hits may be repeated
  bool plain() const { return !stored && !coded; }
};
Place place_of(std::string_view path);

}  // namespace weir::fuzz
