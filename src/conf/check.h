// What load() does after every line was read: expand, resolve names, check what no line alone
// shows.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "conf/inputs.h"
#include "conf/model.h"
#include "conf/report.h"

namespace weir::conf {

// The sections (their objects in the Config) in which a line was refused already: there what seems
// to be missing is not complained about again.
struct Sections {
  std::unordered_set<const void*> faulty;
  bool is_faulty(const void* object) const { return faulty.count(object) > 0; }
};

// Peers from the server lines, API keys from their files, certificates and their keys paired.
void expand(Config& config, const Sections& sections, Inputs& inputs, Report& report);

// Pointers for names: upstream, auth, access_log.
void resolve_references(Config& config, Report& report);

void check_listens(const Config& config, const Sections& sections, Report& report);
void check_locations(const Config& config, const Sections& sections, Report& report);
void check_sections(const Config& config, const Sections& sections, Report& report);

// The hint for a name that no section has: the nearest, or all that there are.
std::string defined(std::string_view kind, std::string_view name,
                    std::vector<std::string_view> names);

// Whether PCRE2 takes it; `captures` is how many groups it has.
bool compiles(const std::string& regex, Where where, Report& report, int& captures);

}  // namespace weir::conf
