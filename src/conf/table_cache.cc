// [cache], and what a location says about caching and access lists.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr std::uint64_t day = 24ULL * 3'600'000;
constexpr std::uint64_t year = 365 * day;

constexpr Directive stores[] = {
    row<&CacheConf::size>(
        {.name = "size",
         .kinds = in_cache,
         .fallback = "64m",
         .least = 1ULL << 20,
         .most = 1ULL << 40,
         .doc = "Memory for stored answers. At a reload with another size, max_entries, "
                "max_object_size or eviction what is stored comes over into the new memory in the "
                "background, without a path, as far as it fits.",
         .example = "512m",
         .nginx = "proxy_cache_path keys_zone, max_size"}),
    row<&CacheConf::max_entries>(
        {.name = "max_entries",
         .kinds = in_cache,
         .fallback = "0",
         .most = 100'000'000,
         .doc = "The most stored answers. 0: as many as fit. Another number at a reload is as "
                "another size.",
         .example = "100000"}),
    row<&CacheConf::max_object_size>(
        {.name = "max_object_size",
         .kinds = in_cache,
         .fallback = "8m",
         .least = 1024,
         .doc = "The largest answer that is stored, fields and body together; never more than half "
                "of the size. A larger one goes to its client all the same.",
         .example = "1m"}),
    row<&CacheConf::slice>(
        {.name = "slice",
         .kinds = in_cache,
         .fallback = "0",
         .most = 1ULL << 30,
         .doc = "Answers to GET that are longer than this are fetched in ranges of this size, each "
                "of them stored by itself, as far as clients want them: the whole, or a part. What "
                "is larger than max_object_size, or than the cache, can be served so. For "
                "upstreams that answer Range and have a strong ETag or a Last-Modified. At least "
                "16k. 0: off.",
         .example = "1m",
         .nginx = "slice"}),
    row<&CacheConf::eviction>(
        {.name = "eviction",
         .kinds = in_cache,
         .fallback = "s3fifo",
         .doc = "Which stored answer leaves first when the size or max_entries is reached. s3fifo: "
                "one that was asked for once, before those that are asked for again and again; "
                "lru: the one that was asked for the longest ago.",
         .example = "lru"}),
    row<&CacheConf::path>(
        {.name = "path",
         .kinds = in_cache,
         .fallback = "off",
         .doc =
             "The folder of the disk tier: what is stored is written there, too, by a process of "
             "its own, is served from there when it left memory, and is kept over restarts. A "
             "disk that does not answer delays nobody for more than half a second. The last part "
             "of the path is made where it is missing, for the user of weir alone. No two "
             "[cache] sections may have the same. Another folder at a reload begins with an "
             "empty memory.",
         .example = "/var/cache/weir/pages",
         .nginx = "proxy_cache_path"}),
    row<&CacheConf::disk_size>(
        {.name = "disk_size",
         .kinds = in_cache,
         .fallback = "1g",
         .least = 1ULL << 20,
         .most = 1ULL << 44,
         .doc =
             "How much of the disk the files below path take, in blocks of 4096 bytes. The oldest "
             "go first, but for those that were fetched from there since. Each 16 KiB take 37 "
             "bytes of "
             "memory besides the size, and are room for one answer at most. Another size at a "
             "reload begins with an empty memory.",
         .example = "20g",
         .nginx = "proxy_cache_path max_size"}),
};

constexpr Directive freshness[] = {
    row<&CacheConf::ttl>(
        {.name = "ttl",
         .kinds = in_cache,
         .syntax = "STATUS,...:TIME ... [any:TIME]",
         .doc = "How long answers are fresh that do not say so themselves, by status. What an "
                "answer says (Cache-Control, CDN-Cache-Control, Expires) is stronger. 0: such "
                "answers are not stored.",
         .example = "200,301:5m 404:10s any:0",
         .nginx = "proxy_cache_valid"}),
    row<&CacheConf::default_ttl>(
        {.name = "default_ttl",
         .kinds = in_cache,
         .fallback = "off",
         .most = year,
         .doc = "How long an answer is fresh that says nothing, has no ttl by its status, and is "
                "of a status that HTTP lets a cache keep unasked (200, 203, 204, 300, 301, 308, "
                "404, 410; not 405, 414 and 501, which a client can bring about). With a "
                "Last-Modified it is fresh for a tenth of its "
                "age instead, a day at most. off: answers that say nothing and have no "
                "Last-Modified are not stored.",
         .example = "5m"}),
    row<&CacheConf::stale_while_revalidate>(
        {.name = "stale_while_revalidate",
         .kinds = in_cache,
         .fallback = "off",
         .most = year,
         .doc = "How long after its time a stored answer is still served at once, while one "
                "request fetches it anew. The answer's own stale-while-revalidate is stronger; "
                "must-revalidate and no-cache forbid it.",
         .example = "30s",
         .nginx = "proxy_cache_use_stale updating, proxy_cache_background_update"}),
    row<&CacheConf::stale_if_error>(
        {.name = "stale_if_error",
         .kinds = in_cache,
         .fallback = "off",
         .most = year,
         .doc = "How long after its time a stored answer stands in when the upstream can't be "
                "reached, or answers 500, 502, 503 or 504. The answer's own stale-if-error is "
                "stronger; must-revalidate and no-cache forbid it.",
         .example = "1h",
         .nginx = "proxy_cache_use_stale error"}),
};

constexpr Directive requests[] = {
    row<&CacheConf::cache_methods>(
        {.name = "cache_methods",
         .kinds = in_cache,
         .syntax = "GET [HEAD] [POST]",
         .fallback = "GET HEAD",
         .doc = "Methods whose requests are answered from the cache. HEAD is answered from what "
                "GET stored. POST is for locations where a POST is a question (a search) and "
                "changes nothing: its body (post_body_max_size) becomes part of the key, and its "
                "answer is stored where it says itself how long it is fresh.",
         .example = "GET",
         .nginx = "proxy_cache_methods"}),
    row<&CacheConf::post_body_max_size>(
        {.name = "post_body_max_size",
         .kinds = in_cache,
         .fallback = "64k",
         .most = 1ULL << 20,
         .doc = "The longest body of a POST that is read whole and becomes part of the key, where "
                "cache_methods has POST. With a longer one, or where buffer_pool_size has no room "
                "for it, the request passes the cache.",
         .example = "256k"}),
    row<&CacheConf::key_headers>(
        {.name = "key_headers",
         .kinds = in_cache,
         .syntax = "FIELD ... | off",
         .fallback = "off",
         .doc = "Request fields whose values are part of the key, besides cache_key and what the "
                "Vary of an answer names.",
         .example = "Accept Content-Type"}),
    row<&CacheConf::bypass>(
        {.name = "bypass",
         .kinds = in_cache,
         .syntax = "TEXT ... | off",
         .fallback = "off",
         .doc = "Requests for which one of these texts, with its $variables, is neither empty nor "
                "\"0\" are not answered from the cache. Their answers are stored.",
         .example = "$cookie_session $arg_nocache",
         .nginx = "proxy_cache_bypass"}),
    row<&CacheConf::no_store>(
        {.name = "no_store",
         .kinds = in_cache,
         .syntax = "TEXT ... | off",
         .fallback = "off",
         .doc = "Answers to requests for which one of these texts is neither empty nor \"0\" are "
                "not stored. The texts may use what the upstream answered.",
         .example = "$cookie_session $upstream_http_x_private",
         .nginx = "proxy_no_cache"}),
    row<&CacheConf::min_uses>(
        {.name = "min_uses",
         .kinds = in_cache,
         .fallback = "1",
         .least = 1,
         .most = 255,
         .doc = "How many requests must ask for an answer before it is stored.",
         .example = "2",
         .nginx = "proxy_cache_min_uses"}),
    row<&CacheConf::lock>(
        {.name = "lock",
         .kinds = in_cache,
         .fallback = "on",
         .doc = "One request fetches an answer that is not stored, of all that ask for it in all "
                "workers; the others wait and read along.",
         .example = "off",
         .nginx = "proxy_cache_lock"}),
    row<&CacheConf::lock_timeout>(
        {.name = "lock_timeout",
         .kinds = in_cache,
         .fallback = "5s",
         .least = 10,
         .most = 3'600'000,
         .doc = "How long a request waits for the answer to another one, before it asks the "
                "upstream by itself.",
         .example = "1s",
         .nginx = "proxy_cache_lock_timeout"}),
};

constexpr Directive places[] = {
    row<&LocationConf::cache>({.name = "cache",
                               .kinds = in_places,
                               .syntax = "NAME | off",
                               .fallback = "off",
                               .doc = "The [cache] that answers of the upstream are stored in and "
                                      "served from.",
                               .example = "pages",
                               .nginx = "proxy_cache"}),
    row<&LocationConf::cache_key>(
        {.name = "cache_key",
         .kinds = in_places,
         .syntax = "TEXT",
         .fallback = "$scheme$host$request_uri",
         .doc = "What an answer is stored under. Requests with the same key get the same answer: "
                "the key must hold all that the answer depends on and that its Vary does not name. "
                "The "
                "port of Host is part of it where it is not the scheme's own.",
         .example = "$scheme$host$uri$is_args$args",
         .nginx = "proxy_cache_key"}),
    row<&LocationConf::purge>(
        {.name = "purge",
         .kinds = in_places,
         .syntax = "off | api_keys:NAME ...",
         .fallback = "off",
         .doc = "Who may remove stored answers with the method PURGE: holders of a key of one of "
                "these sections. off: PURGE goes to the upstream like any other method.",
         .example = "api_keys:partners",
         .nginx = "proxy_cache_purge"}),
};

constexpr Directive rows[] = {
    planned("limit", in_places, "The [limit] that requests are counted by."),
    planned("allow", in_places, "Client networks that may pass."),
    planned("deny", in_places, "Client networks that may not pass."),
};

}  // namespace

Table cache_directives() { return table_of(stores, freshness, requests, places, rows); }

}  // namespace weir::conf
