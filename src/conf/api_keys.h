// API keys as they are written: "NAME sha256:HEX", in a section or a line each in a file.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "conf/model.h"
#include "conf/report.h"

namespace weir::conf {

inline constexpr std::string_view api_key_hint = "weirctl hash-key makes one";

// Fills name and hash; returns what is wrong, empty when nothing is. Never repeats the text: it may
// be the key itself.
std::string_view parse_api_key(std::string_view name, std::string_view hash, ApiKey& out);

// The keys of a file: a line each, '#' begins a comment line. Errors go to the report.
void read_api_keys(std::string_view bytes, std::uint32_t file, Report& report,
                   std::vector<ApiKey>& out);

}  // namespace weir::conf
