// The fields of a stored answer as one block of bytes, and back as views into it.
//
//   block:  magic, layout    what this program writes and reads: the table of names is part of it
//           fields, reason bytes, reason
//   field:  id, flags, name bytes (0 where the id says it), value bytes, name, value
//
// What is left out: what is for one hop, framing, Age (computed anew), the fields that private=
// names, and surrogate keys. Fields that no-cache= names are there, marked: they are read only once
// the answer was validated (RFC 9111 5.2.2.4).
#pragma once

#include <string>
#include <string_view>

#include "http/cache_control.h"
#include "http/message.h"

namespace weir::cache {

// Whether fields of that name are stored at all.
bool is_stored_field(FieldId id);

// Appends to `out`. False: more fields or longer ones than a block can hold; nothing is promised
// about `out` then. `control`: of the same fields. `date`: when the answer came, as a Date has it;
// stored where the answer has none (RFC 9110 6.6.1), else every hit would be made anew.
bool write_field_block(const ResponseHead& answer, const ResponseCacheControl& control,
                       std::string& out, std::string_view date = {});

// Fields and reason into `out`, as views into `block`; its status is in the Facts. False: the block
// is damaged, or another program's; `out` has nothing then. Allocates nothing where `out` was used
// before.
bool read_field_block(std::string_view block, bool validated, ResponseHead& out);

}  // namespace weir::cache
