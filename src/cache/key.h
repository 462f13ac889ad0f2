// The text an answer is stored under.
//
//   "httpexample.com/a"                                    cache_key, rendered
//   "httpexample.com/a\naccept=text/html"                  with key_headers
//   "httpexample.com/a\naccept=text/html\n#5f70bf18..."    a POST
//   "httpexample.com/a\n?accept-encoding=gzip"             a variant, behind any of these
//   "httpexample.com/a\n@5f70bf18....7"                    a slice
//   "httpexample.com/a\n=br.f0a1..."                       a copy in a content coding, of one body
//
// No part of a request that can get into it has a '\n'. So all that is stored for one URI has the
// key K or one that begins with K + '\n': purging a URI is purge(K) and purge_prefix(K + '\n').
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cache/rules.h"
#include "http/message.h"

namespace weir::cache {

inline constexpr char key_mark = '\n';
// The K of a key: what a purge or an invalidation of its URI goes by, whatever the fields and the
// body of the request that asks for it are.
inline std::string_view uri_part(std::string_view key) { return key.substr(0, key.find(key_mark)); }

// Behind the rendered cache_key, and part of the K: the port of Host, where it is not the scheme's
// own. The origin sees it, and may say it in its answer: who asks with another one asks for another
// URI (RFC 9110 4.2.3), whatever cache_key says. 0: none.
void append_port(std::uint16_t port, std::string& key);
// Behind that: what key_headers names. Nothing where it names nothing.
void append_key_fields(const Fields& request, const Rules& rules, std::string& key);
// For POST: a cryptographic hash of the body and of the fields that say what it means.
void append_body_key(std::span<const std::uint8_t> hash, std::string& key);

// Of a copy, behind the key of what it is a copy of, whose Reader::body_word() this is.
void append_copy_key(std::string_view coding, std::uint64_t body_word, std::string& key);

// --- Vary (RFC 9111 4.1) ---

enum class Varies : std::uint8_t { no, by_fields, unusable };  // unusable: "*", malformed, too many
// The names of all Vary fields, in lower case, sorted, separated by ','. At most 16 names.
Varies vary_names(const Fields& answer, std::string& out);

// Behind a key: the values of the fields that `names` (as vary_names() wrote them) lists. Values
// that mean the same become one: it does not matter on how many lines a list stands, nor in those
// of Accept... where blanks are; of Accept-Encoding the codings that are accepted count, not their
// order or weights.
void append_variant_key(std::string_view names, const Fields& request, std::string& key);

}  // namespace weir::cache
