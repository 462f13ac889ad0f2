"""The list of scenarios, each with its bar."""

from coding import Coded, Events, FoundCoded
from drivers import WeirLoad, Wrk
from idle import Idle
from reloading import Reloading
from servers import Features
from slow import SlowReaders
from traffic import Shared, Traffic
from vhosts import HostsReload, HostsStart

TLS = Features(tls=True)
CACHE = Features(cache_mib=64)
CACHE_TLS = Features(cache_mib=64, tls=True)
CACHE_FULL = Features(cache_mib=36)
HANDSHAKES = WeirLoad("/small", connections=16, close=True)
RESUMED = WeirLoad("/small", connections=16, close=True, resume=True)

ALL = [
    Traffic("small", "128 bytes over kept connections", Wrk("/small"), 0.90),
    Traffic("small_log", "the same with an access log", Wrk("/small"), 0.93, Features(log=True)),
    Traffic("small_close", "128 bytes, a new connection each", Wrk("/small", close=True), 0.96),
    Traffic("10k", "10 KiB over kept connections", Wrk("/10k"), 0.82),
    Traffic("chunked", "10 KiB in four chunks", Wrk("/chunked"), 0.85),
    Traffic("1m", "1 MiB over 16 kept connections", Wrk("/1m", connections=16), 0.80),
    Traffic("post_1m", "POST of 1 MiB over 16 kept connections", Wrk("/small", connections=16, body=1 << 20), 0.95),
    Traffic("tls_small", "128 bytes over kept TLS 1.3 connections", Wrk("/small"), 0.85, TLS),
    Traffic("tls_100k", "100 KiB over kept TLS 1.3 connections", Wrk("/100k"), 0.90, TLS),
    Traffic("tls_full", "full TLS 1.3 handshake, 128 bytes, close", HANDSHAKES, 0.95, TLS),
    Traffic("tls_resumed", "resumed TLS 1.3 handshake, 128 bytes, close", RESUMED, 1, TLS),
    Traffic("rate_4k", "128 bytes, 4,000 requests/s: p99", WeirLoad("/small", rate=4000), 1, main="p99_ms"),
    Traffic("hit", "128 bytes from the cache", Wrk("/keep/small"), 0.45, CACHE),
    Traffic("hit_100k", "100 KiB from the cache", Wrk("/keep/100k"), 0.88, CACHE),
    Traffic("hit_1m", "1 MiB from the cache, 16 connections", Wrk("/keep/1m", connections=16), None, CACHE),
    Traffic("hit_tls", "128 bytes from the cache over TLS", Wrk("/keep/small"), None, CACHE_TLS),
    Traffic("hit_zipf", "1 KiB, 100,000 keys (Zipf 0.9), room for a quarter", Wrk("/keep/1k", zipf=100000), None, CACHE_FULL),
    Shared(),
    Coded("gzip_100k", "a page of 100 KiB, gzip on the way", "/html", "gzip", 0.15),
    Coded("br_100k", "a page of 100 KiB, Brotli on the way", "/html", "br", 0.60),
    Coded("zstd_100k", "a page of 100 KiB, zstd on the way", "/html", "zstd"),
    FoundCoded("hit_gzip", "the page compressed by gzip, from the cache", "gzip", 1.10),
    FoundCoded("hit_br", "the page compressed by Brotli, from the cache", "br", 1.10),
    Events(),
    Idle("idle_10000", 10000, 600, Features(connections=12000)),
    Idle("idle_tls_2000", 2000, 15.5 * 1024, TLS),
    SlowReaders(),
    Reloading(),
    HostsStart(),
    HostsReload(),
]

BY_NAME = {scenario.name: scenario for scenario in ALL}
