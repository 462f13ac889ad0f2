// [api_keys], [jwt] and [limit]: who may pass, and how often.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr Directive rows[] = {
    row<&ApiKeysConf::header>(
        {.name = "header",
         .kinds = in_api_keys,
         .syntax = "FIELD",
         .fallback = "X-API-Key",
         .doc = "The request field that carries the key. It is never logged and never forwarded.",
         .example = "X-API-Key"}),
    list<&ApiKeysConf::keys>(
        {.name = "key",
         .kinds = in_api_keys,
         .syntax = "NAME sha256:HEX",
         .doc = "A key that is accepted, by its SHA-256 hash: weirctl hash-key makes this text of "
                "a key. The name "
                "is what logs show. May be repeated.",
         .example = "demo sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464",
         .secret = true}),
    row<&ApiKeysConf::file>(
        {.name = "file",
         .kinds = in_api_keys,
         .doc = "A file with a line NAME sha256:HEX for each further key. Lines that begin with "
                "a # are comments.",
         .example = "keys/partners.keys"}),
    planned("jwks_file", in_jwt, "The keys that sign tokens."),
    planned("algorithms", in_jwt, "The algorithms that are accepted."),
    planned("issuer", in_jwt, "The issuer that a token must name."),
    planned("audience", in_jwt, "The audience that a token must name."),
    planned("leeway", in_jwt, "How far clocks may be apart."),
    planned("key", in_limit, "What requests are counted by."),
    planned("rate", in_limit, "How many requests a key may make in a time."),
    planned("burst", in_limit, "How many may come at once beyond the rate."),
    planned("connections", in_limit, "How many connections a key may have."),
    planned("status", in_limit, "The status of an answer to one too many."),
};

}  // namespace

Table guard_directives() { return table_of(rows); }

}  // namespace weir::conf
