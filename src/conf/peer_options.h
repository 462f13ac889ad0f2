// The options of a peer, as they stand in `server` and in `discover` lines.
#pragma once

#include "conf/word_options.h"

namespace weir::conf {

inline constexpr std::uint64_t day_ms = 86'400'000;

inline constexpr WordOption<PeerOptions> peer_options[] = {
    number_option<&PeerOptions::weight, 1, 65'535>("weight"),
    number_option<&PeerOptions::max_conns, 0, 1'000'000>("max_conns"),
    number_option<&PeerOptions::max_fails, 0, 1'000'000>("max_fails"),
    time_option<&PeerOptions::fail_timeout, 1, day_ms>("fail_timeout"),
    time_option<&PeerOptions::slow_start, 0, day_ms>("slow_start"),
    flag_option<&PeerOptions::backup>("backup"),
    flag_option<&PeerOptions::down>("down"),
    flag_option<&PeerOptions::drain>("drain"),
};

}  // namespace weir::conf
