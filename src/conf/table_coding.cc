// What a place says about content codings: compression and decompression.
#include "conf/directive.h"

namespace weir::conf {
namespace {

constexpr std::uint64_t mebi = 1ULL << 20;

constexpr Directive whether[] = {
    row<&LocationConf::compress>(
        {.name = "compress",
         .kinds = in_places,
         .syntax = "CODING ... | off",
         .fallback = "off",
         .doc = "The codings that answers are compressed with: br, zstd, gzip, deflate. A client "
                "gets the one it likes best by its Accept-Encoding, and of those that it likes "
                "alike the first of this list. In a location with a cache each answer is "
                "compressed once for all. What has a Content-Encoding, no-transform, or is a part "
                "(206) stays as it is.",
         .example = "br zstd gzip deflate",
         .nginx = "gzip, brotli"}),
    row<&LocationConf::compress_types>(
        {.name = "compress_types",
         .kinds = in_places,
         .syntax = "TYPE/SUBTYPE | TYPE/* | +SUFFIX | * ...",
         .fallback = "text/* application/javascript application/x-javascript application/json "
                     "application/xml +json +xml",
         .doc = "Media types of answers that are compressed. +json: all whose subtype ends so. The "
                "list replaces the inherited one.",
         .example = "text/html text/css application/json +xml",
         .nginx = "gzip_types"}),
    row<&LocationConf::compress_min_length>(
        {.name = "compress_min_length",
         .kinds = in_places,
         .fallback = "100",
         .doc = "The shortest body that is compressed, where its length is known.",
         .example = "1k",
         .nginx = "gzip_min_length"}),
    row<&LocationConf::compress_secrets>(
        {.name = "compress_secrets",
         .kinds = in_places,
         .fallback = "on",
         .doc = "off: answers are not compressed here, by us or, with compress_upstream = pass, by "
                "the upstream. For pages over TLS that hold both a secret (a CSRF token, say) and "
                "text that the one who asks has chosen: from the length of such a page, "
                "compressed, the secret can be guessed (BREACH).",
         .example = "off"}),
    row<&LocationConf::compress_upstream>(
        {.name = "compress_upstream",
         .kinds = in_places,
         .syntax = "off | pass",
         .fallback = "off",
         .doc =
             "What an upstream is told of the codings that a client takes, where compress is on. "
             "off: nothing, so that it answers uncompressed and we compress, once where there "
             "is a cache. pass: Accept-Encoding as it came; what the upstream has compressed "
             "stays as it is. Where compress is off it always passes.",
         .example = "pass"}),
};

constexpr Directive how[] = {
    row<&LocationConf::compress_level>(
        {.name = "compress_level",
         .kinds = in_places,
         .syntax = "CODING:LEVEL ...",
         .fallback = "br:2 zstd:1 gzip:fast deflate:fast",
         .doc = "How hard each coding tries on answers as they pass: br:0 to br:9, zstd:1 to "
                "zstd:9, gzip:1 to gzip:9 (deflate alike) or fast, which takes about a tenth of "
                "the time of gzip:5 for 5 to 10 % more bytes. Codings that are not named "
                "keep their default.",
         .example = "br:5 gzip:6",
         .nginx = "gzip_comp_level, brotli_comp_level"}),
    row<&LocationConf::compress_window>(
        {.name = "compress_window",
         .kinds = in_places,
         .fallback = "256k",
         .least = 32 * 1024,
         .most = 8 * mebi,
         .doc = "How far back br and zstd look for what repeats, as a power of two (a number "
                "between counts as the next smaller one); what they "
                "need of compress_memory grows with it. Of a shorter body no more than it needs is "
                "taken. gzip and deflate look back 32k at most.",
         .example = "1m",
         .nginx = "gzip_window, brotli_window"}),
    row<&LocationConf::compress_cached_level>(
        {.name = "compress_cached_level",
         .kinds = in_places,
         .syntax = "CODING:LEVEL ... | off",
         .fallback = "br:9 zstd:15 gzip:9 deflate:9",
         .doc = "How hard each coding tries for the stored copy of an answer that is asked for "
                "often: made once, by a process of its own, in the time that compress_cached_cpu "
                "leaves it. br:0 to br:11, zstd:1 to zstd:19, gzip:1 to gzip:9, deflate:1 to "
                "deflate:9, or off. Codings that are not named keep their default.",
         .example = "br:11 gzip:off"}),
    row<&LocationConf::compress_cached_uses>(
        {.name = "compress_cached_uses",
         .kinds = in_places,
         .fallback = "16",
         .least = 1,
         .most = 1'000'000,
         .doc = "After so many uses of a stored compressed copy it is made again with "
                "compress_cached_level.",
         .example = "100"}),
};

constexpr Directive back[] = {
    row<&LocationConf::decompress>(
        {.name = "decompress",
         .kinds = in_places,
         .fallback = "off",
         .doc = "Answers that come compressed are decompressed for clients that do not take their "
                "coding.",
         .example = "on",
         .nginx = "gunzip"}),
    row<&LocationConf::decompress_max_size>(
        {.name = "decompress_max_size",
         .kinds = in_places,
         .fallback = "64m",
         .least = 1024,
         .doc = "The longest body that comes out of decompressing; a longer one is broken off.",
         .example = "10m"}),
    row<&LocationConf::decompress_max_ratio>(
        {.name = "decompress_max_ratio",
         .kinds = in_places,
         .fallback = "100",
         .least = 2,
         .most = 1'000'000,
         .doc = "How many bytes may come out for one that goes in, once 1m has come out; a body "
                "that makes more is broken off.",
         .example = "1000"}),
};

constexpr Directive memory[] = {
    row<&MainConf::compress_memory>(
        {.name = "compress_memory",
         .kinds = in_main,
         .fallback = "256m",
         .least = mebi,
         .most = 1ULL << 40,
         .doc = "The most memory that one worker spends on compressing and decompressing. Where it "
                "is used up, answers go out uncompressed; what would have to be decompressed is "
                "refused.",
         .example = "1g"}),
    row<&MainConf::compress_cached_cpu>(
        {.name = "compress_cached_cpu",
         .kinds = in_main,
         .fallback = "25",
         .least = 1,
         .most = 100,
         .doc = "Per cent of one processor that the process spends that makes compressed copies "
                "anew with compress_cached_level.",
         .example = "50"}),
};

}  // namespace

Table coding_directives() { return table_of(whether, how, back, memory); }

}  // namespace weir::conf
