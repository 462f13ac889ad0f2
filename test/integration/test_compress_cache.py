"""Coded answers and the cache: what is stored while it is coded, what is too large, what is lost in the middle, slices."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading

from harness import Daemon, needs, scale, wait_until
from harness.coding import CODINGS, Pages, ask, chunked, decode, encode, site, text_of, whole
from harness.fleet import counters

from test_cache import Origin, clients_of, config, connection_owner, who_is_connected_to
from test_cache_slices import Files, pattern, sliced

ON = "compress = br zstd gzip deflate"
HTML = "Content-Type: text/html\r\nCache-Control: max-age=600"
PAGE = text_of(80_000)


def test_what_is_too_large_to_be_stored_comes_whole():
    """Beyond max_object_size the rest goes straight through the coder that has begun, known length or not."""
    body = text_of(900_000)
    pages = {"/known": whole(body, HTML), "/unknown": chunked(body, HTML, 30_000)}
    with Pages(pages) as origin:
        with Daemon(site(origin, "cache = pages\n" + ON, "[cache pages]\nsize = 16m\nmax_object_size = 300k")) as weir:
            for path in pages:
                for coding in CODINGS:
                    got = ask(weir, path, coding)
                    assert got["Content-Encoding"] == coding and got.plain == body, (path, coding)


def test_hits_of_large_bodies_are_coded():
    """Stored bodies in many pieces are coded piece by piece, for clients one after the other and at once."""
    body = text_of(3_000_000)
    with Pages({"/": chunked(body, HTML, 60_000)}) as origin:
        with Daemon(site(origin, "cache = pages\n" + ON, "[cache pages]\nsize = 32m\nmax_object_size = 8m")) as weir:
            bad = []

            def client(coding):
                for _ in range(3):
                    got = ask(weir, accept=coding)
                    if got.get("Content-Encoding") != coding or got.plain != body:
                        bad.append(got)

            threads = [threading.Thread(target=client, args=(coding,)) for coding in (*CODINGS, None)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not bad and origin.count == 1


def test_the_rest_of_a_lost_fetch_goes_through_the_coder():
    """A client that read along with a worker that dies gets the rest by a Range request, in the coding that it had begun in."""
    release = threading.Event()
    fields = f'{HTML}\r\nETag: "strong"\r\n'

    def reply(request, n):
        if request.has("Range"):
            start = int(request["Range"].split("=")[1].rstrip("-"))
            part = PAGE[start:]
            return (f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(part)}\r\n{fields}"
                    f"Content-Range: bytes {start}-{len(PAGE) - 1}/{len(PAGE)}\r\n\r\n").encode() + part

        def slow(connection):
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n{fields}\r\n".encode() + PAGE[:50_000])
            release.wait(scale(20))

        return slow

    with Origin(reply) as origin, contextlib.ExitStack() as stack:
        text = config(origin, "lock_timeout = 60s", ON)
        weir = stack.enter_context(Daemon(text, workers=2, allow=["SIGKILL"]))
        clients = []
        while len({connection_owner(weir, client) for client in clients}) < 2:
            client = stack.enter_context(weir.connect(limit=30))
            client.send_request(fields=[("Accept-Encoding", "gzip")])
            client.head = client.read_head()
            assert client.head["Content-Encoding"] == "gzip"
            clients.append(client)
        victim = who_is_connected_to(weir, origin.port)
        theirs = [client for client in clients if connection_owner(weir, client) != victim]
        os.kill(victim, signal.SIGKILL)
        for client in theirs:
            assert decode("gzip", client.read_rest(client.head).body) == PAGE
        release.set()


def test_slices_are_coded_as_one_answer():
    """An answer that is stored in slices reaches a client that asks for the whole in its coding; ranges stay as they are."""
    data = pattern(700_000)
    with Files(data, fields=HTML) as origin, Daemon(sliced(origin, location=ON)) as weir:
        for coding in (*CODINGS, None, "gzip"):
            got = ask(weir, accept=coding)
            assert got.get("Content-Encoding") == coding and got.plain == data, coding
            part = ask(weir, accept=coding, fields=[("Range", "bytes=100000-300000")])
            assert part.status == 206 and part.body == data[100_000:300_001] and not part.has("Content-Encoding")
        assert len(origin.requests) > 5 and not any(request.has("Accept-Encoding") for request in origin.requests)


def test_refreshing_asks_as_the_first_fetch_did():
    """A stale answer is coded for each client while it is fetched anew in the background, without Accept-Encoding, once."""
    fields = ('Content-Type: text/html\r\nVary: Accept-Encoding\r\nETag: "v"\r\n'
              "Cache-Control: max-age=0, stale-while-revalidate=600")

    def page(request):
        return b'HTTP/1.1 304 Not Modified\r\nETag: "v"\r\n\r\n' if request.has("If-None-Match") else whole(PAGE, fields)

    with Pages({"/": page}) as origin:
        with Daemon(site(origin, "cache = pages\n" + ON, "[cache pages]\nsize = 16m")) as weir:
            assert ask(weir, accept="gzip").plain == PAGE
            for n, coding in enumerate(("br", None, "gzip"), 2):
                got = ask(weir, accept=coding)
                assert (got.get("Content-Encoding"), got["X-Cache"], got.plain) == (coding, "UPDATING", PAGE)
                request = origin.wait_requests(n)[-1]
                assert request["If-None-Match"] == '"v"' and not request.has("Accept-Encoding")
                wait_until(lambda: counters(weir)["upstream_active"] == 0, 10, "it to be fresh")


def test_a_stored_coded_answer_is_decompressed():
    """What came compressed is stored so, and given as it is or decompressed, by what each client takes."""
    fields = HTML + '\r\nContent-Encoding: gzip\r\nETag: "z"'
    with Pages({"/": whole(encode("gzip", PAGE), fields)}) as origin:
        with Daemon(site(origin, "cache = pages\ndecompress = on", "[cache pages]\nsize = 16m")) as weir:
            for accept, coding, tag in ((None, None, 'W/"z"'), ("gzip", "gzip", '"z"'), ("br", None, 'W/"z"')) * 3:
                got = ask(weir, accept=accept)
                assert (got.get("Content-Encoding"), got["ETag"], got.plain) == (coding, tag, PAGE)
                again = ask(weir, accept=accept, fields=[("If-None-Match", tag)])
                assert (again.status, again["ETag"]) == (304, tag)
            assert origin.count == 1


def test_a_fetch_that_breaks_off_is_seen_by_all():
    """The origin ends in the middle: nobody who read along, coded or not, sees a clean end, and nothing is stored."""
    release = threading.Event()

    def slow(connection):
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n{HTML}\r\n\r\n".encode() + PAGE[:50_000])
        release.wait(scale(20))
        connection.close()

    with Origin(lambda request, n: slow) as origin, Daemon(config(origin, location=ON)) as weir:
        with clients_of(weir, 1) as plain, contextlib.ExitStack() as stack:
            plain[0].read_until(PAGE[49_000:50_000])
            clients = [stack.enter_context(weir.connect()) for _ in CODINGS]
            for client, coding in zip(clients, CODINGS):
                client.send_request(fields=[("Accept-Encoding", coding)])
                assert client.read_head()["Content-Encoding"] == coding
            release.set()
            for client in (*plain, *clients):
                assert not client.read_to_end().endswith(b"\r\n0\r\n\r\n")
        assert origin.count == 1


NODE = """
const zlib = require('zlib'), chunks = [];
process.stdin.on('data', c => chunks.push(c)).on('end', () => {
  const by = {br: zlib.brotliDecompressSync, gzip: zlib.gunzipSync, deflate: zlib.inflateSync};
  process.stdout.write(by[process.argv[1]](Buffer.concat(chunks)));
});
"""


@needs(lambda: shutil.which("node"), "node")
def test_node_undoes_them():
    """Node's zlib and Brotli make of our bytes what the origin sent."""
    with Pages({"/": whole(PAGE)}) as origin, Daemon(site(origin, ON)) as weir:
        for coding in ("br", "gzip", "deflate"):
            got = weir.get(fields=[("Accept-Encoding", coding)])
            done = subprocess.run(["node", "-e", NODE, coding], input=got.body, capture_output=True, check=True)
            assert done.stdout == PAGE, coding


@needs(lambda: shutil.which("zstd") and shutil.which("brotli"), "the programs zstd and brotli")
def test_the_programs_of_the_libraries_undo_them():
    """`brotli -d` and `zstd -d` read ours, and what they wrote is decompressed for clients."""
    programs = {"br": "brotli", "zstd": "zstd"}
    pages = {"/": whole(PAGE)}
    for coding, program in programs.items():
        coded = subprocess.run([program, "-c"], input=PAGE, capture_output=True, check=True).stdout
        pages["/" + coding] = whole(coded, f"Content-Type: text/html\r\nContent-Encoding: {coding}")
    with Pages(pages) as origin, Daemon(site(origin, ON + "\ndecompress = on")) as weir:
        for coding, program in programs.items():
            got = weir.get(fields=[("Accept-Encoding", coding)])
            assert subprocess.run([program, "-dc"], input=got.body, capture_output=True, check=True).stdout == PAGE
            assert ask(weir, "/" + coding).plain == PAGE
