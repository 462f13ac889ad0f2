"""weirctl purge: each kind of it against the running daemon, and what it refuses."""

import itertools
import json
import os
import signal
import threading

from harness import Daemon, ScriptedOrigin, run_program, wait_until
from harness.fleet import counters

CONFIG = """
[upstream origins]
server = {origin}
[cache pages]
size = 8m
stale_while_revalidate = 1h
[cache api]
size = 8m
key_headers = X-Kind
[server web]
listen = 127.0.0.1:@http@
upstream = origins
cache = pages
debug_headers = on
[location api]
server = web
path = /api/
cache = api
cache_key = $host$uri
{more}
"""
ADMIN = """
[admin]
listen = 127.0.0.1:@admin@
"""
MINE = """
[location mine]
server = web
path = /mine/
cache_key = $cookie_user$request_uri
"""


def origin_with(fields="Cache-Control: max-age=600"):
    numbers = itertools.count(1)

    def script(connection):
        while True:
            connection.read_request()
            body = b"%d" % next(numbers)
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{fields}\r\n\r\n".encode() + body)

    return ScriptedOrigin(script)


def site(origin, more="", **options):
    return Daemon(CONFIG.format(origin=origin.address, more=more), **options)


def weirctl(weir, *arguments):
    return run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, *arguments)


def purge(weir, *arguments):
    """What it prints; it is done."""
    done = weirctl(weir, "purge", *arguments)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout.strip()


def refused(weir, *arguments):
    """What it says, and with which exit status."""
    done = weirctl(weir, "purge", *arguments)
    assert done.returncode != 0 and done.stdout == "", done
    return done.returncode, done.stderr


def url(weir, path):
    return f"http://LocalHost:{weir.port('http')}{path}"


def word(weir, path, fields=()):
    return weir.get(path, fields=fields)["X-Cache"]


def fill(weir, *paths, fields=()):
    for path in paths:
        word(weir, path, fields)
        assert word(weir, path, fields) == "HIT", path


def test_a_url_is_purged_by_whatever_key_it_is_stored_under():
    """purge URL drops that URL, in every cache or in one, for all workers."""
    with origin_with() as origin, site(origin, workers=3) as weir:
        fill(weir, "/a?x=1", "/a", "/api/b")
        assert purge(weir, url(weir, "/a?x=1")) == "asked 2 caches: something was stored, and is gone now"
        assert word(weir, "/a") == "HIT" and word(weir, "/a?x=1") == "MISS"
        assert purge(weir, url(weir, "/a"), "--cache", "pages") == "asked 1 cache: something was stored, and is gone now"
        assert word(weir, "/a") == "MISS"
        assert purge(weir, url(weir, "/none"), "--cache", "pages") == "asked 1 cache: nothing was stored"
        purge(weir, url(weir, "/api/b"), "--cache", "pages")
        assert word(weir, "/api/b") == "HIT"
        purge(weir, url(weir, "/x/../api/./b"), "--cache", "api")  # as $uri has it
        assert word(weir, "/api/b") == "MISS"


def test_a_url_is_purged_with_its_variants():
    """Variants by key_headers and by Vary are gone with their URL."""
    with origin_with("Cache-Control: max-age=600\r\nVary: X-Tongue") as origin, site(origin) as weir:
        several = [[("X-Kind", kind), ("X-Tongue", tongue)] for kind in "ab" for tongue in "xy"]
        for fields in several:
            fill(weir, "/api/b", "/p", fields=fields)
        purge(weir, url(weir, "/api/b"))
        purge(weir, url(weir, "/p"))
        assert [word(weir, "/api/b", fields) for fields in several] == ["MISS"] * 4
        assert word(weir, "/p", several[0]) == "MISS" and word(weir, "/p", several[1]) == "MISS"


def test_a_prefix_is_purged():
    """--prefix drops all whose URL begins so, with any query, and nothing else."""
    with origin_with() as origin, site(origin) as weir:
        fill(weir, "/a/1", "/a/2?x=1", "/ab", "/api/a/1")
        assert purge(weir, "--prefix", url(weir, "/a/")) == "asked 2 caches: what was stored is gone now"
        assert [word(weir, path) for path in ("/a/1", "/a/2?x=1", "/ab", "/api/a/1")] == ["MISS", "MISS", "HIT", "HIT"]
        purge(weir, f"--prefix={url(weir, '/api/')}", "--cache=api")
        assert word(weir, "/api/a/1") == "MISS" and word(weir, "/ab") == "HIT"


def test_a_tag_is_purged():
    """--tag drops what bears that surrogate key, in the cache that is named."""
    with origin_with("Cache-Control: max-age=600\r\nSurrogate-Key: news front") as origin, site(origin) as weir:
        fill(weir, "/a", "/api/a")
        purge(weir, "--tag", "sport")
        assert word(weir, "/a") == "HIT" and word(weir, "/api/a") == "HIT"
        purge(weir, "--tag", "front", "--cache", "api")
        assert word(weir, "/a") == "HIT" and word(weir, "/api/a") == "MISS"
        purge(weir, "--tag", "news")
        assert word(weir, "/a") == "MISS"


def test_a_key_is_purged():
    """--key drops what is stored under that text."""
    with origin_with() as origin, site(origin) as weir:
        fill(weir, "/a")
        assert purge(weir, "--key", "httplocalhost/b") == "asked 2 caches: nothing was stored"
        assert word(weir, "/a") == "HIT"
        assert purge(weir, "--key", "httplocalhost/a") == "asked 2 caches: something was stored, and is gone now"
        assert word(weir, "/a") == "MISS"


def test_all_is_purged():
    """--all empties one cache, or each."""
    with origin_with() as origin, site(origin, workers=2) as weir:
        fill(weir, "/a", "/b", "/api/a")
        purge(weir, "--all", "--cache", "pages")
        assert [word(weir, path) for path in ("/a", "/b", "/api/a")] == ["MISS", "MISS", "HIT"]
        purge(weir, "--all")
        assert [word(weir, path) for path in ("/a", "/b", "/api/a")] == ["MISS"] * 3


def test_soft_purges_leave_what_is_stale():
    """--soft: the stored answer is served while a new one is fetched."""
    for what in (["URL"], ["--prefix", "URL"], ["--key", "httplocalhost/a"], ["--tag", "news"], ["--all"]):
        with origin_with("Cache-Control: max-age=600\r\nSurrogate-Key: news") as origin, site(origin) as weir:
            fill(weir, "/a")
            told = purge(weir, "--soft", "--cache", "pages", *[url(weir, "/a") if one == "URL" else one for one in what])
            assert told.endswith("is stale now"), told
            stale = weir.get("/a")
            assert (stale["X-Cache"], stale.body) == ("UPDATING", b"1"), what
            wait_until(lambda: weir.get("/a").body == b"2", 10, "the new one")


def test_a_long_text_arrives_whole():
    """URLs far longer than a message between processes are purged; what the protocol has no room for is refused."""
    with origin_with() as origin, site(origin) as weir:
        for length in (300, 950, 3500):
            path = "/" + "".join(chr(ord("a") + i % 26) for i in range(length))
            fill(weir, path, path + "x")
            assert "something was stored" in purge(weir, url(weir, path), "--cache", "pages")
            assert word(weir, path) == "MISS" and word(weir, path + "x") == "HIT"
        status, said = refused(weir, url(weir, "/" + "x" * 4096))
        assert status == 2 and "too long" in said, said
        status, said = refused(weir, "--prefix", url(weir, "/" + "x" * 1000))
        assert status == 1 and "and can have 1000" in said, said


def test_what_can_not_be_purged_is_said():
    """An unknown cache, what is no URL, a key that a URL does not tell, wrong words, no cache: exit codes and reasons."""
    with origin_with() as origin, site(origin, more=MINE) as weir:
        status, said = refused(weir, "--all", "--cache", "none")
        assert status == 1 and said == 'weirctl: purge failed: there is no cache "none"\n', said
        status, said = refused(weir, "/a")
        assert status == 1 and "http://" in said, said
        for words in ([], ["--all", "--tag", "x"], ["--tag"], ["--nonsense"], ["http://a/", "http://b/"]):
            status, said = refused(weir, *words)
            assert status == 2 and "Usage: weirctl" in said, said
        fill(weir, "/a", "/mine/a")
        status, said = refused(weir, url(weir, "/a"))
        assert status == 1 and 'location "mine": its cache_key has $cookie_user' in said and "--key TEXT" in said, said
        assert word(weir, "/a") == "MISS" and word(weir, "/mine/a") == "HIT"  # the others were
        assert "something was stored" in purge(weir, "--key", "/mine/a")
        assert word(weir, "/mine/a") == "MISS"
    with Daemon("[server web]\nlisten = 127.0.0.1:@http@\nreturn = 200 ok\n") as weir:
        status, said = refused(weir, "--all")
        assert status == 1 and "no [cache]" in said, said


def test_purges_after_a_reload_reach_the_kept_store():
    """After a reload the new housekeeper purges what was stored before it, by the keys of the new configuration."""
    with origin_with() as origin, site(origin) as weir:
        fill(weir, "/a", "/api/b")
        weir.reload(CONFIG.format(origin=origin.address, more="").replace("cache_key = $host$uri", "cache_key = $uri"))
        assert word(weir, "/a") == "HIT" and word(weir, "/api/b") == "MISS"
        assert "something was stored" in purge(weir, url(weir, "/a"), "--cache", "pages")
        assert word(weir, "/a") == "MISS" and word(weir, "/api/b") == "HIT"
        purge(weir, url(weir, "/api/b"))
        assert word(weir, "/api/b") == "MISS"


def test_a_dead_housekeeper_obeys_as_soon_as_there_is_another():
    """An order that comes while no housekeeper works waits for the next."""
    with origin_with() as origin, site(origin, allow=["SIGKILL", "signal 9"]) as weir:
        fill(weir, "/a")
        processes = json.loads(weirctl(weir, "status").stdout)["processes"]
        (keeper,) = [one["pid"] for one in processes if one["role"] == "housekeeper"]
        os.kill(keeper, signal.SIGKILL)
        assert "something was stored" in purge(weir, url(weir, "/a"), "--cache", "pages")
        assert word(weir, "/a") == "MISS"


def test_the_port_of_host_makes_another_key():
    """A URL with a port means what was asked for with that port and with none; without one the latter alone."""
    with origin_with() as origin, site(origin) as weir:
        for host in ("localhost", "localhost:8080"):
            assert [weir.get("/a", host=host)["X-Cache"] for _ in range(2)] == ["MISS", "HIT"], host
        purge(weir, "http://localhost/a")
        assert weir.get("/a", host="localhost:8080")["X-Cache"] == "HIT"
        assert [weir.get("/a")["X-Cache"] for _ in range(2)] == ["MISS", "HIT"]
        purge(weir, "http://localhost:8080/a")
        assert weir.get("/a", host="localhost:8080")["X-Cache"] == weir.get("/a")["X-Cache"] == "MISS"


def test_who_comes_after_a_purge_does_not_get_what_was_on_its_way_before():
    """Who waited already gets the old answer, who comes later asks anew; what is stored is the new one."""

    def script(connection):
        while True:
            connection.read_request()
            number = next(numbers)
            if number % 2 == 1:
                release.wait(20)
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nCache-Control: max-age=600\r\n\r\n"
            connection.send(head + b"%d" % number)

    for kind in (lambda weir: [url(weir, "/a")], lambda weir: ["--prefix", url(weir, "/")], lambda _: ["--all"]):
        numbers, release = itertools.count(1), threading.Event()
        with ScriptedOrigin(script) as origin, site(origin, ADMIN, workers=2) as weir, weir.connect() as first, weir.connect() as second:
            for client in (first, second):
                client.send_request("GET", "/a")
            wait_until(lambda weir=weir: counters(weir)["requests_active"] == 2, 10, "two who wait for an answer")
            purge(weir, *kind(weir))
            late = weir.get("/a")
            assert (late["X-Cache"], late.body) == ("MISS", b"2"), late
            release.set()
            for client in (first, second):
                assert client.read_response("GET").body == b"1"
            again = weir.get("/a")
            assert (again["X-Cache"], again.body) == ("HIT", b"2"), again
