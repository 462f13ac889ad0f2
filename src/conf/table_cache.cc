// [cache], and what a location says about caching, compression and access lists.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr Directive rows[] = {
    planned("size", in_cache, "Memory for stored answers."),
    planned("max_entries", in_cache, "The most stored answers."),
    planned("max_object_size", in_cache, "The largest answer that is stored."),
    planned("default_ttl", in_cache, "How long an answer that says nothing is fresh."),
    planned("ttl", in_cache, "How long answers are fresh, by status."),
    planned("eviction", in_cache, "Which entry leaves first."),
    planned("key_headers", in_cache, "Request fields that are part of the key."),
    planned("cache_methods", in_cache, "Methods whose answers are stored."),
    planned("bypass", in_cache, "Requests that are not answered from the cache."),
    planned("no_store", in_cache, "Answers that are not stored."),
    planned("min_uses", in_cache, "Requests before an answer is stored."),
    planned("stale_while_revalidate", in_cache, "How long a stale answer may be served meanwhile."),
    planned("stale_if_error", in_cache, "How long a stale answer may stand in for an error."),
    planned("lock", in_cache, "One request fetches, the others wait."),
    planned("slice", in_cache, "Large objects are fetched in slices of this size."),
    planned("path", in_cache, "The folder of the disk tier."),
    planned("disk_size", in_cache, "The size of the disk tier."),
    planned("cache", in_places, "The [cache] that answers are kept in."),
    planned("cache_key", in_places, "What an answer is stored under."),
    planned("compress", in_places, "The codings that answers are compressed with."),
    planned("compress_types", in_places, "The media types that are compressed."),
    planned("compress_min_length", in_places, "The shortest body that is compressed."),
    planned("compress_window", in_places, "The window of the codings."),
    planned("compress_cached_level", in_places, "The level of stored compressed answers."),
    planned("compress_upstream", in_places, "Whether upstreams are asked for codings."),
    planned("compress_secrets", in_places, "Whether answers with secrets are compressed."),
    planned("decompress", in_places, "Whether answers are decompressed for clients that need it."),
    planned("limit", in_places, "The [limit] that requests are counted by."),
    planned("allow", in_places, "Client networks that may pass."),
    planned("deny", in_places, "Client networks that may not pass."),
};

}  // namespace

Table cache_directives() { return table_of(rows); }

}  // namespace weir::conf
