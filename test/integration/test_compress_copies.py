"""Compressed copies of stored answers: made once, given by all workers, of one body alone, made harder when used often."""

import contextlib
import os
import signal
import threading

from harness import Closed, Daemon, run_program, scratch, wait_until
from harness.coding import CODINGS, Pages, ask, chunked, decode, site, text_of, whole
from harness.fleet import counters
from test_cache_disk import disk_of

PAGE = text_of(40_000, seed=5)
FRESH = "Content-Type: text/html\r\nCache-Control: max-age=600\r\nETag: \"one\""


def config(origin, location="", cache="", size="16m"):
    places = f"cache = pages\ncompress = br zstd gzip deflate\ndebug_headers = on\n{location}"
    return site(origin, places, f"[cache pages]\nsize = {size}\n{cache}")


def noise(size):
    """Half of it can be compressed away."""
    return os.urandom(size // 2).hex().encode()


def made(weir):
    return counters(weir)["cache_copies_made"]


def coded_bytes(weir):
    found = counters(weir)
    return sum(found[f"compressed_{coding}_bytes_in"] for coding in CODINGS)


def test_a_second_request_costs_no_compression():
    """Of each coding one copy is made; the next answers have its length, and no coder sees a byte."""
    with Pages({"/page": whole(PAGE, FRESH)}) as origin, Daemon(config(origin)) as weir:
        for number, coding in enumerate(CODINGS, 1):
            first = ask(weir, "/page", coding)
            assert first.get("Content-Encoding") == coding and first.plain == PAGE
            assert first.get("ETag") == 'W/"one"' and "Accept-Encoding" in first.get("Vary")
            wait_until(lambda want=number: made(weir) == want)
            before = coded_bytes(weir)
            for _ in range(3):
                again = ask(weir, "/page", coding)
                assert again.get("X-Cache") == "HIT" and again.get("Content-Encoding") == coding
                assert again.plain == PAGE and int(again["Content-Length"]) == len(again.body)
                assert again.get("ETag") == 'W/"one"' and not again.has("Accept-Ranges")
            assert coded_bytes(weir) == before and made(weir) == number
        assert origin.count == 1
        assert ask(weir, "/page").body == PAGE
        assert counters(weir)["cache_copies_used"] == 3 * len(CODINGS)


def test_bodies_of_all_sizes_and_of_unknown_length():
    """What comes in chunks, in little or in megabytes: the copy decodes to what the origin sent."""
    pages = {}
    for size in (257, 4096, 70_000, 3_000_000):
        body = text_of(size, seed=size)
        pages[f"/whole{size}"] = whole(body, FRESH), body
        pages[f"/chunked{size}"] = chunked(body, FRESH), body
    with Pages({path: page for path, (page, _) in pages.items()}) as origin:
        with Daemon(config(origin, size="64m", cache="max_object_size = 8m")) as weir:
            for path, (_, body) in pages.items():
                for coding in CODINGS:
                    for _ in range(3):
                        assert ask(weir, path, coding).plain == body, (path, coding)
            wait_until(lambda: made(weir) == len(pages) * len(CODINGS))
            before = coded_bytes(weir)
            for path, (_, body) in pages.items():
                for coding in CODINGS:
                    answer = ask(weir, path, coding)
                    assert answer.plain == body and answer.has("Content-Length"), (path, coding)
            assert coded_bytes(weir) == before


def test_head_has_the_length_of_the_copy():
    with Pages({"/page": whole(PAGE, FRESH)}) as origin, Daemon(config(origin)) as weir:
        body = ask(weir, "/page", "gzip").body
        wait_until(lambda: made(weir) == 1)
        head = ask(weir, "/page", "gzip", method="HEAD")
        assert head.get("Content-Encoding") == "gzip" and int(head["Content-Length"]) == len(body)


class Versions:
    """A page whose body and ETag change when told to."""

    def __init__(self):
        self.number = 1
        self.age = 600
        self.not_modified = 0
        self.tag = ""

    def body(self):
        return text_of(30_000, seed=self.number)

    def __call__(self, request):
        etag = f'"v{self.number}"'
        fields = f"Content-Type: text/html\r\nCache-Control: max-age={self.age}\r\nETag: {etag}"
        if self.tag:
            fields += f"\r\nSurrogate-Key: {self.tag}"
        if request.get("If-None-Match") == etag:
            self.not_modified += 1
            return f"HTTP/1.1 304 Not Modified\r\n{fields}\r\n\r\n".encode()
        return whole(self.body(), fields)


def test_a_304_keeps_the_copy():
    """The same body made fresh: no new copy, and the right bytes."""
    page = Versions()
    page.age = 0
    with Pages({"/page": page}) as origin, Daemon(config(origin)) as weir:
        for _ in range(5):
            assert ask(weir, "/page", "gzip").plain == page.body()
        assert page.not_modified == 4 and made(weir) == 1


def test_a_new_version_never_has_the_copy_of_the_old_one():
    """By revalidation, by a purge of the URL, by a soft purge, by a tag: each body has copies of its own."""
    page = Versions()
    page.tag = "news"
    with Pages({"/page": page}) as origin, Daemon(config(origin)) as weir:
        purges = (
            ("purge", f"http://LocalHost:{weir.port('http')}/page"),
            ("purge", "--soft", f"http://LocalHost:{weir.port('http')}/page"),
            ("purge", "--tag", "news"),
            ("purge", "--all"),
        )
        for purge in purges:
            for _ in range(3):
                for coding in CODINGS:
                    assert ask(weir, "/page", coding).plain == page.body(), purge
            page.number += 1
            done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, *purge)
            assert done.returncode == 0, done
        page.age = 0
        for _ in range(6):
            page.number += 1
            for coding in CODINGS:
                assert ask(weir, "/page", coding).plain == page.body()


def test_conditions_and_ranges_are_judged_on_what_is_stored():
    with Pages({"/page": whole(PAGE, FRESH)}) as origin, Daemon(config(origin)) as weir:
        for _ in range(2):
            ask(weir, "/page", "br")
        same = ask(weir, "/page", "br", fields=[("If-None-Match", 'W/"one"')])
        assert same.status == 304 and same.get("ETag") == 'W/"one"' and not same.has("Content-Encoding")
        part = ask(weir, "/page", "br", fields=[("Range", "bytes=10-19")])
        assert (part.status, part.body) == (206, PAGE[10:20]) and not part.has("Content-Encoding")
        assert part.get("ETag") == '"one"'
        other = ask(weir, "/page", "br", fields=[("Range", "bytes=10-19"), ("If-Range", '"two"')])
        assert other.status == 200 and other.plain == PAGE
        assert ask(weir, "/page", "br").plain == PAGE and origin.count == 1


def test_many_at_once_all_get_the_right_bytes():
    """Four workers, requests from all sides before anything is stored, and while copies are made."""
    body = text_of(600_000, seed=8)
    with Pages({"/page": whole(body, FRESH)}) as origin, Daemon(config(origin), workers=4) as weir:
        wrong = []

        def client(coding):
            for _ in range(4):
                if ask(weir, "/page", coding).plain != body:
                    wrong.append(coding)

        threads = [threading.Thread(target=client, args=(CODINGS[i % 4],)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong and origin.count == 1


def test_who_comes_while_a_copy_is_made_waits_for_it():
    """Of what is stored, one copy in each coding is made, whatever the number of those who want it at once."""
    body = text_of(900_000, seed=9)
    with Pages({"/page": whole(body, FRESH)}) as origin, Daemon(config(origin), workers=4) as weir:
        assert ask(weir, "/page").body == body
        wrong = []

        def client(coding):
            for _ in range(2):
                got = ask(weir, "/page", coding)
                if got.plain != body or got.get("Content-Encoding") != coding:
                    wrong.append(got)

        threads = [threading.Thread(target=client, args=(CODINGS[i % 4],)) for i in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        # Who gets no lock in time codes for itself: a few on a busy machine, of 48.
        assert made(weir) == 4 and coded_bytes(weir) <= 16 * len(body)


def test_a_slow_client_holds_up_nobody():
    """The copy that is made for a client that reads nothing is whole all the same, and given to the next."""
    body = noise(400_000) + text_of(2_000_000, seed=10)
    with Pages({"/page": whole(body, FRESH)}) as origin:
        with Daemon(config(origin, size="64m", cache="max_object_size = 16m")) as weir:
            assert ask(weir, "/page").body == body
            with weir.connect() as slow:
                slow.send(b"GET /page HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
                wait_until(lambda: made(weir) == 1)
                assert ask(weir, "/page", "gzip").plain == body and made(weir) == 1
                got = slow.read_response("GET")
                assert decode("gzip", got.body) == body


def test_a_client_that_leaves_does_not_take_the_copy_along():
    body = noise(1_000_000)
    with Pages({"/page": whole(body, FRESH)}) as origin:
        with Daemon(config(origin, size="64m", cache="max_object_size = 16m")) as weir:
            assert ask(weir, "/page").body == body
            with weir.connect() as client:
                client.send(b"GET /page HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br\r\n\r\n")
            wait_until(lambda: made(weir) == 1)
            assert ask(weir, "/page", "br").plain == body and made(weir) == 1


def test_the_worker_that_makes_a_copy_is_killed():
    """Whoever gets an answer gets the right bytes, and so does who comes later."""
    body = text_of(1_000_000, seed=11)
    with Pages({"/page": whole(body, FRESH)}) as origin:
        text = config(origin, "compress_level = br:9", size="64m", cache="max_object_size = 16m")
        with Daemon(text, workers=3, allow=["signal 9"]) as weir:
            assert ask(weir, "/page").body == body
            results = []

            def client():
                with contextlib.suppress(Closed, OSError):  # it may have been that worker's
                    results.append(ask(weir, "/page", "br").plain == body)

            threads = [threading.Thread(target=client) for _ in range(9)]
            for thread in threads:
                thread.start()
            for pid in weir.workers():  # one of them makes it
                os.kill(pid, signal.SIGKILL)
            for thread in threads:
                thread.join()
            assert all(results)
            assert ask(weir, "/page", "br").plain == body


def test_a_store_without_room_still_answers():
    """Copies that are too large for the store reach the client that they were made for."""
    body = noise(600_000)
    with Pages({"/page": whole(body, FRESH)}) as origin:
        with Daemon(config(origin, size="1m", cache="max_object_size = 4m")) as weir:
            for _ in range(3):
                for coding in CODINGS:
                    assert ask(weir, "/page", coding).plain == body


def test_a_popular_copy_is_made_smaller_once():
    """After compress_cached_uses the compressor makes it anew; the bytes decode to the same, and it rests then."""
    popular = "compress_cached_uses = 4\ncompress_level = gzip:1 deflate:1\ncompress_cached_level = br:11 zstd:19 gzip:9 deflate:9"
    with Pages({"/page": whole(PAGE, FRESH)}) as origin:
        with Daemon(config(origin, popular), main="compress_cached_cpu = 100") as weir:
            for number, coding in enumerate(CODINGS, 1):
                first = len(ask(weir, "/page", coding).body)

                def improved(want=number, coding=coding):
                    assert ask(weir, "/page", coding).plain == PAGE
                    return counters(weir)["cache_copies_improved"] == want

                wait_until(improved)
                better = ask(weir, "/page", coding)
                assert better.plain == PAGE and len(better.body) < first, coding
                assert int(better["Content-Length"]) == len(better.body)
            for _ in range(40):
                for coding in CODINGS:
                    assert ask(weir, "/page", coding).plain == PAGE
            assert counters(weir)["cache_copies_improved"] == len(CODINGS)


def test_a_copy_is_given_to_requests_that_come_again_byte_for_byte():
    """hit_memory knows copies: they are repeated, also the one that is made anew, and no other version's."""
    page = Versions()
    popular = "compress_cached_uses = 20\ncompress_level = gzip:1\ncompress_cached_level = gzip:9"
    request = b"GET /page HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
    with Pages({"/page": page}) as origin:
        with Daemon(config(origin, popular), main="compress_cached_cpu = 100") as weir, weir.connect() as client:

            def get():
                client.send(request)
                answer = client.read_response("GET")
                assert decode(answer["Content-Encoding"], answer.body) == page.body()
                return answer

            for version in range(1, 4):
                first = len(get().body)

                def improved(want=version):
                    get()
                    return counters(weir)["cache_copies_improved"] == want

                wait_until(improved)
                before = counters(weir)["cache_repeated"]
                wait_until(lambda before=before: get() and counters(weir)["cache_repeated"] > before + 10)
                assert len(get().body) < first and made(weir) == version
                page.number += 1
                done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "purge", "--all")
                assert done.returncode == 0


def compressor_of(weir):
    found = weir.children().get("compressor", [])
    return found[0] if found else None


def test_the_compressor_is_there_where_it_is_wanted_only():
    with Pages({"/page": whole(PAGE, FRESH)}) as origin:
        with Daemon(config(origin, "compress_cached_level = off")) as weir:
            assert compressor_of(weir) is None
        with Daemon(config(origin)) as weir:
            wait_until(lambda: compressor_of(weir) is not None)


def test_the_compressor_may_be_killed():
    """Its successor makes what is asked for again."""
    popular = "compress_cached_uses = 2\ncompress_cached_level = br:11"
    with Pages({"/page": whole(PAGE, FRESH)}) as origin:
        with Daemon(config(origin, popular), main="compress_cached_cpu = 100", allow=["signal 9"]) as weir:
            wait_until(lambda: compressor_of(weir) is not None)
            pid = compressor_of(weir)
            for _ in range(5):
                ask(weir, "/page", "br")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: compressor_of(weir) not in (None, pid))

            def improved():
                assert ask(weir, "/page", "br").plain == PAGE
                return counters(weir)["cache_copies_improved"] >= 1

            wait_until(improved)


def test_copies_are_not_on_disk_and_made_again_after_a_restart():
    """What comes back from disk is given in each coding as before."""
    folder = scratch("cache")
    folder.chmod(0o777)
    cache = f"path = {folder}\ndisk_size = 64m"
    with Pages({"/page": whole(PAGE, FRESH)}) as origin:
        for start in range(2):
            with Daemon(config(origin, cache=cache)) as weir:
                wait_until(lambda start=start: disk_of(weir)["entries"] == start)
                for _ in range(2):
                    for coding in CODINGS:
                        assert ask(weir, "/page", coding).plain == PAGE
                assert made(weir) == 4 and counters(weir)["cache_copies_used"] >= 4
                wait_until(lambda: disk_of(weir)["entries"] == 1)
            assert origin.count == 1, start


def test_copies_outlive_a_reload():
    with Pages({"/page": whole(PAGE, FRESH)}) as origin, Daemon(config(origin)) as weir:
        for _ in range(2):
            ask(weir, "/page", "gzip")
        before = made(weir)
        old = compressor_of(weir)
        weir.reload()
        assert ask(weir, "/page", "gzip").plain == PAGE and made(weir) == before
        wait_until(lambda: compressor_of(weir) not in (None, old))
