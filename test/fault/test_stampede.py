"""Thousands ask at once, over all workers, for what is not stored: the origin is asked once; and when who asks it dies."""

import collections
import os
import resource
import selectors
import signal
import socket
import threading
import time

from harness import Daemon, ScriptedOrigin, is_long, limit, verdict, wait_until
from harness.fleet import counters
from support import private_network
from support.processes import owner_of

BODY = b"".join(b"%015d\n" % number for number in range(4096))  # 64 KiB
SITE = """
[admin]
listen = 127.0.0.1:@admin@
[upstream origins]
server = {origin}
[cache pages]
size = 16m
lock_timeout = 60s
[server web]
listen = 127.0.0.1:@http@
upstream = origins
cache = pages
"""


def clients_wanted():
    return 5000 if is_long() else 500


class Crowd:
    """So many clients, each with the same request on a connection of its own; what each got, and when it had all."""

    def __init__(self, port, count, target="/page"):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * count + 1000)), hard))
        self.got = {}
        self.ended = {}
        self.selector = selectors.DefaultSelector()
        request = f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            sock.sendall(request)
            sock.setblocking(False)
            self.got[sock] = bytearray()
            self.selector.register(sock, selectors.EVENT_READ)

    def read(self, pause=0.0):
        """What is there now."""
        for key, _ in self.selector.select(pause):
            sock = key.fileobj
            try:
                data = sock.recv(1 << 20)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            self.got[sock] += data
            if not data:
                self.ended[sock] = time.monotonic()
                self.selector.unregister(sock)

    def read_all(self, seconds):
        wait_until(lambda: self.read(0.1) or len(self.ended) == len(self.got), seconds, "all clients to have an end")

    def kinds(self):
        """How many have the whole, in right bytes, by what X-Cache says; others by what is wrong."""
        kinds = collections.Counter()
        for data in self.got.values():
            head, _, body = bytes(data).partition(b"\r\n\r\n")
            if not data:
                kinds["nothing"] += 1
            elif not head.startswith(b"HTTP/1.1 200"):
                kinds[head[9:12].decode()] += 1
            elif body != BODY:
                kinds["part" if BODY.startswith(body) else "wrong"] += 1
            else:
                kinds[head.partition(b"X-Cache: ")[2].partition(b"\r\n")[0].decode()] += 1
        return kinds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.got:
            sock.close()


class Origin(ScriptedOrigin):
    """Sends so much of an answer at once, and the rest when it is let to, for the first request; all at once for others."""

    def __init__(self, first, etag=""):
        self.gate = threading.Event()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\nCache-Control: max-age=600\r\n{etag}\r\n".encode()

        def script(connection):
            while True:
                request = connection.read_request()
                if request is self.requests[0]:
                    connection.send((head + BODY)[: len(head) + first if first is not None else 0])
                    self.gate.wait(60)
                    connection.send((head + BODY)[len(head) + first if first is not None else 0 :])
                elif request.has("Range"):
                    at = int(request["Range"].removeprefix("bytes=").rstrip("-"))
                    connection.send(
                        f"HTTP/1.1 206 Partial\r\nContent-Length: {len(BODY) - at}\r\n{etag}"
                        f"Content-Range: bytes {at}-{len(BODY) - 1}/{len(BODY)}\r\n\r\n".encode() + BODY[at:]
                    )
                else:
                    connection.send(head + BODY)

        super().__init__(script, backlog=4096)


def all_are_there(weir, count):
    wait_until(lambda: counters(weir)["requests_active"] >= count, 60, f"{count} requests to be on their way")


def killed_owner(weir, origin):
    """SIGKILL for the worker that asked the origin first, for all; when."""
    victim = owner_of(weir.workers(), origin.connections[0].sock.getpeername()[1])
    os.kill(victim, signal.SIGKILL)
    return time.monotonic()


@limit(180)
def test_a_stampede():
    """All workers are asked for the same at once, and the origin is slow: it is asked once, all get the right bytes."""
    private_network()
    count = clients_wanted()
    with Origin(None) as origin, Daemon(SITE.format(origin=origin.address), workers=4) as weir:
        begun = time.monotonic()
        with Crowd(weir.port("http"), count) as crowd:
            all_are_there(weir, count)
            came = time.monotonic() - begun
            let = time.monotonic()
            origin.gate.set()
            crowd.read_all(60)
            took = max(crowd.ended.values()) - let
            kinds = crowd.kinds()
            waited = counters(weir)["cache_collapsed"]
        # Who finds the store's lock taken for a whole millisecond asks for itself: rare, and no failure.
        asked = len(origin.requests)
        good = asked == kinds["MISS"] <= 1 + count // 100 and kinds["HIT"] == waited == count - asked
        verdict("C1", f"stampede: {count:,} clients on 4 workers within {came:.1f} s: {asked} request(s) to the origin, "
                      f"{kinds['HIT'] + kinds['MISS']:,} whole and right, all {1000 * took:.0f} ms after it answered", good)  # fmt: skip
        assert good, (asked, kinds, waited)


@limit(180)
def test_who_fetches_for_a_stampede_dies():
    """The worker that asks the origin is killed before a byte came: another asks at once, nobody who waits is lost."""
    private_network()
    count = clients_wanted()
    with Origin(None) as origin:
        with Daemon(SITE.format(origin=origin.address), workers=4, allow=[r"from outside"]) as weir:
            with Crowd(weir.port("http"), count) as crowd:
                all_are_there(weir, count)
                before = len(origin.requests)  # see above
                killed = killed_owner(weir, origin)
                wait_until(lambda: len(origin.requests) > before, 10, "another to ask")
                crowd.read_all(60)
                asked = origin.requests[before].time - killed
                kinds = crowd.kinds()
                whole = kinds["HIT"] + kinds["MISS"]
                ends = sorted(end - killed for sock, end in crowd.ended.items() if crowd.got[sock])
            good = len(origin.requests) <= 1 + kinds["MISS"] <= 2 + count // 100
            good = good and set(kinds) <= {"HIT", "MISS", "nothing"} and kinds["nothing"] < count
            verdict("C2", f"its owner killed before a byte came: another asks the origin {1000 * asked:.0f} ms later (bar 100 ms), "
                          f"{len(origin.requests)} requests in all; {whole:,} that waited elsewhere whole, half of them after "
                          f"{1000 * ends[len(ends) // 2]:.0f} ms, all after {1000 * ends[-1]:.0f} ms; {kinds['nothing']:,} died with it", good)  # fmt: skip
            assert good, (len(origin.requests), kinds)
            origin.gate.set()


@limit(180)
def test_who_fetches_for_a_stampede_dies_in_the_middle():
    """It is killed when half has come: who has that half gets the rest of the same, or an abort; never other bytes."""
    private_network()
    count = clients_wanted()
    for etag in ('ETag: "strong"\r\n', ""):
        with Origin(len(BODY) // 2, etag) as origin:
            with Daemon(SITE.format(origin=origin.address), workers=4, allow=[r"from outside"]) as weir:
                with Crowd(weir.port("http"), count) as crowd:
                    half = len(BODY) // 2
                    wait_until(lambda: crowd.read() or all(len(data) > half for data in crowd.got.values()), 60, "half for all")
                    killed = killed_owner(weir, origin)
                    crowd.read_all(60)
                    kinds = crowd.kinds()
                    last = max(crowd.ended.values()) - killed
                asked = len(origin.requests)
                good = set(kinds) <= {"HIT", "MISS", "part"} and (kinds["HIT"] > 0) == (etag != "") and asked <= count
                verdict("C3", f"its owner killed at half, {'a strong' if etag else 'no'} ETag: {kinds['HIT']:,} whole, {kinds['part']:,} cut, {kinds['MISS']} "
                              f"asked for themselves; over after {1000 * last:.0f} ms; {asked - 1:,} more requests to the origin", good)  # fmt: skip
                assert good, (asked, kinds)
                origin.gate.set()
