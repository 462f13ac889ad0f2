"""Large answers in slices: ranges of every kind against the true bytes, one fetch for each slice, one version for each client."""

import contextlib
import os
import signal
import socket
import threading

from harness import Closed, Daemon, Failure, wait_until
from harness.fleet import counters

from test_cache import KEY, PURGERS, Origin, answer, clients_of, config, connection_owner, owner_of

SLICE = 64 * 1024


def pattern(size, seed=0):
    """No two slices are alike."""
    block = b"".join(b"%08d" % (at + seed) for at in range((size + 7) // 8))
    return block[:size]


class Files(Origin):
    """Answers GET and Range over self.data as a file server does; what happened is in .ranges. before(range, number) may
    wait, or return what is sent instead."""

    def __init__(self, data, etag='"v1"', fields="Cache-Control: max-age=600", modified=None, before=None):
        self.data, self.etag, self.fields, self.modified, self.before = data, etag, fields, modified, before
        self.ranges = []
        super().__init__(self._answer)

    def _answer(self, request, number):
        text = request.get("Range")
        self.ranges.append(text)
        if self.before:
            instead = self.before(request, number)
            if instead is not None:
                return instead
        data, head = self.data, self.fields
        if self.etag:
            head += f"\r\nETag: {self.etag}"
        if self.modified:
            head += f"\r\nLast-Modified: {self.modified}"
        if self.etag and request.get("If-None-Match") == self.etag:
            return f"HTTP/1.1 304 Not Modified\r\n{head}\r\n\r\n".encode()
        if request.has("If-Range") and request["If-Range"] not in (self.etag, self.modified):
            text = None
        if request.method == "HEAD":
            return f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n{head}\r\n\r\n".encode()
        if text:
            first, last = text.split("=")[1].split("-")
            if first == "":
                first, last = max(0, len(data) - int(last)), ""
            first = int(first)
            last = min(int(last), len(data) - 1) if last else len(data) - 1
            if first > last:
                return f"HTTP/1.1 416 No\r\nContent-Range: bytes */{len(data)}\r\nContent-Length: 0\r\n\r\n".encode()
            part = data[first:last + 1]
            return (f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(part)}\r\n"
                    f"Content-Range: bytes {first}-{last}/{len(data)}\r\n{head}\r\n\r\n").encode() + part
        return f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n{head}\r\n\r\n".encode() + data


def sliced(origin, cache="", size="8m", **options):
    return config(origin, f"slice = 64k\nmax_object_size = 256k\n{cache}", size=size, **options)


def get(weir, spec=None, target="/", fields=()):
    return weir.get(target, fields=[*fields, *([("Range", f"bytes={spec}")] if spec else [])])


def slices_of(first, last):
    return list(range(first // SLICE, last // SLICE + 1))


def asked(ranges):
    """The numbers of the slices that were asked for, each as often as it was."""
    for text in ranges:
        first, last = text.split("=")[1].split("-")
        assert int(first) % SLICE == 0 and int(last) < int(first) + SLICE, ranges
    return sorted(int(text.split("=")[1].split("-")[0]) // SLICE for text in ranges)


def test_the_whole_comes_in_slices():
    """A file larger than max_object_size: 200 with all its bytes, each slice fetched once; then HITs without the origin."""
    data = pattern(5 * SLICE + 1234)
    with Files(data) as origin:
        with Daemon(sliced(origin), workers=2) as weir:
            first = get(weir)
            assert (first.status, first["X-Cache"], first["Content-Length"]) == (200, "MISS", str(len(data)))
            assert first.body == data and first["ETag"] == '"v1"' and not first.has("Content-Range")
            assert asked(origin.ranges) == slices_of(0, len(data) - 1)
            for _ in range(5):
                again = get(weir)
                assert (again.status, again["X-Cache"], again.body == data) == (200, "HIT", True)
            assert origin.count == 6
            assert len(origin.connections) <= 3  # the connections of slices are kept


def test_sizes_about_the_edges():
    """One byte less, as many, one more than whole slices: whole bodies, twice each; small ones are stored as they are."""
    for size in (1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE - 1, 2 * SLICE, 2 * SLICE + 1):
        data = pattern(size)
        with Files(data) as origin:
            with Daemon(sliced(origin)) as weir:
                for word in ("MISS", "HIT"):
                    response = get(weir)
                    assert (response.status, response["X-Cache"], response.body == data) == (200, word, True), size
                assert origin.count == (size + SLICE - 1) // SLICE, size


def test_ranges_of_every_alignment():
    """Ranges about the edges of slices, from the start, the end and the middle, cold and warm, against the true bytes; only
    what is covered is fetched."""
    data = pattern(4 * SLICE + 100)
    edges = [0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE - 1, 3 * SLICE, 4 * SLICE - 1, 4 * SLICE, len(data) - 1]
    spans = [(a, b) for a in edges for b in edges if a <= b]
    with Files(data) as origin:
        with Daemon(sliced(origin), workers=2) as weir:
            for number, (first, last) in enumerate(spans):
                target = f"/{number}"
                before = len(origin.ranges)
                for warm in (False, True):
                    response = get(weir, f"{first}-{last}", target)
                    assert response.status == 206, (first, last, response)
                    assert response["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
                    assert response.body == data[first:last + 1], (first, last, warm)
                assert asked(origin.ranges[before:]) == slices_of(first, last), (first, last, origin.ranges[before:])
                assert response["X-Cache"] == "HIT", (first, last, response)
            for spec, body in (("-1", data[-1:]), (f"-{SLICE + 50}", data[-SLICE - 50:]), (f"{SLICE}-", data[SLICE:]),
                               (f"{4 * SLICE + 90}-99999999", data[4 * SLICE + 90:])):
                for target in (f"/open{spec}", "/same"):
                    response = get(weir, spec, target)
                    assert (response.status, response.body == body) == (206, True), spec
            many = get(weir, f"0-9,{SLICE - 5}-{SLICE + 5},{3 * SLICE}-{3 * SLICE + 1}", "/many")
            assert many.status == 206 and many["Content-Type"].startswith("multipart/byteranges")
            assert int(many["Content-Length"]) == len(many.body)
            for first, last in ((0, 9), (SLICE - 5, SLICE + 5), (3 * SLICE, 3 * SLICE + 1)):
                assert b"bytes %d-%d/%d\r\n\r\n" % (first, last, len(data)) + data[first:last + 1] in many.body.replace(
                    b"Content-Range: ", b""), (first, last)


def test_what_can_not_be_satisfied():
    """416 with the length, whether or not it was known before."""
    data = pattern(2 * SLICE)
    with Files(data) as origin:
        with Daemon(sliced(origin)) as weir:
            for target in ("/cold", "/cold", "/warm"):
                response = get(weir, f"{9 * SLICE}-", target)
                assert (response.status, response["Content-Range"]) == (416, f"bytes */{len(data)}")
                assert get(weir, None, target).body == data
            origin.data = b""
            empty = get(weir, None, "/empty")
            assert (empty.status, empty.body) == (200, b"")


def test_head_conditions_and_if_range():
    """HEAD, If-None-Match and If-Range of the client are answered from what is known of the whole."""
    data = pattern(3 * SLICE)
    with Files(data) as origin:
        with Daemon(sliced(origin)) as weir:
            assert get(weir, fields=[("If-None-Match", '"v1"')]).status == 304
            wait_until(lambda: get(weir, "0-0")["X-Cache"] == "HIT", 10, "the slice that came with it")
            assert origin.count == 1
            with weir.connect() as client:
                head = client.request("HEAD", "/")
                assert (head.status, head["Content-Length"], head["X-Cache"]) == (200, str(len(data)), "HIT")
            assert get(weir, "5-9", fields=[("If-Range", '"v1"')]).body == data[5:10]
            assert origin.count == 1
            other = get(weir, "5-9", fields=[("If-Range", '"old"')])
            assert (other.status, other.body == data) == (200, True)
            assert get(weir, fields=[("If-None-Match", '"v1"')]).status == 304
            assert origin.count == 3


def test_one_fetch_for_each_slice():
    """30 clients on 4 workers, some for the whole, some for parts, while the origin is slow: each slice is fetched once."""
    data = pattern(4 * SLICE)
    gate = threading.Event()

    def before(request, number):
        gate.wait(20)

    with Files(data, before=before) as origin:
        with Daemon(sliced(origin, "lock_timeout = 60s", admin=True), workers=4) as weir, contextlib.ExitStack() as stack:
            clients = stack.enter_context(clients_of(weir, 20))
            parts = [stack.enter_context(weir.connect(limit=30)) for _ in range(10)]
            for client in parts:
                client.send_request("GET", "/", fields=[("Range", f"bytes={SLICE - 10}-{2 * SLICE + 9}")])
            wait_until(lambda: counters(weir)["requests_active"] >= 30, 15, "30 requests")
            gate.set()
            for client in clients:
                response = client.read_response("GET")
                assert response.body == data, (response, len(response.body), response["X-Cache"])
            for client in parts:
                response = client.read_response("GET")
                assert response.body == data[SLICE - 10:2 * SLICE + 10], (response, len(response.body))
            assert asked(origin.ranges) == slices_of(0, len(data) - 1), origin.ranges


def test_a_new_version_in_the_middle():
    """The origin's file changes between two slices: the connection breaks, no byte of the new version is in it, and the
    next request gets the new version whole."""
    old, new = pattern(4 * SLICE), pattern(4 * SLICE, seed=7_000_000)
    with Files(old) as origin:
        def before(request, number):
            if number == 3:
                origin.data, origin.etag = new, '"v2"'

        origin.before = before
        with Daemon(sliced(origin)) as weir:
            with weir.connect() as client:
                client.send_request("GET", "/")
                head = client.read_head()
                assert head["Content-Length"] == str(len(old))
                got = client.read_exactly(2 * SLICE)
                assert got == old[:2 * SLICE]
                client.expect_closed()
            response = get(weir)
            assert (response.status, response["ETag"], response.body == new) == (200, '"v2"', True)
            assert get(weir, f"{SLICE}-{3 * SLICE}").body == new[SLICE:3 * SLICE + 1]


def test_the_date_stands_in_for_the_etag():
    """Without an ETag, Last-Modified and the length tell versions apart; with a weak one alone nothing is sliced."""
    old, new = pattern(3 * SLICE), pattern(3 * SLICE, seed=7_000_000)
    with Files(old, etag=None, modified="Sun, 01 Nov 2020 08:00:00 GMT") as origin:
        with Daemon(sliced(origin)) as weir:
            assert get(weir).body == old and get(weir)["X-Cache"] == "HIT" and origin.count == 3
            assert get(weir, "5-9", "/b").body == old[5:10]
            origin.data, origin.modified = new, "Mon, 02 Nov 2020 08:00:00 GMT"
            with weir.connect() as client:
                client.send_request("GET", "/b")
                client.read_head()
                assert client.read_exactly(SLICE) == old[:SLICE]
                client.expect_closed()
            assert get(weir, None, "/b").body == new
    with Files(old, etag='W/"v1"') as origin:
        with Daemon(sliced(origin)) as weir:
            for _ in range(2):
                response = get(weir)
                assert (response["X-Cache"], response.body == old) == ("MISS", True)
            assert get(weir, "5-9").body == old[5:10]
            # The slice that told so, and then what clients asked for.
            assert origin.ranges == [f"bytes=0-{SLICE - 1}", None, None, "bytes=5-9"]


def test_an_origin_without_ranges():
    """200 instead of 206: stored as a whole where it fits, passed on where it does not, and not asked for in slices again."""
    for size, words in ((3 * SLICE, ["MISS", "HIT", "HIT"]), (6 * SLICE, ["MISS", "MISS", "MISS"])):
        data = pattern(size)
        with Origin(lambda request, n: answer(data)) as origin:
            with Daemon(sliced(origin)) as weir:
                for word in words:
                    response = get(weir)
                    assert (response["X-Cache"], response.body == data) == (word, True), (size, response)
                ranges = [request.get("Range") for connection in origin.connections for request in connection.requests]
                assert sorted(map(str, ranges)) == sorted([f"bytes=0-{SLICE - 1}"] + ["None"] * (words.count("MISS") - 1))


def test_what_may_not_be_stored_passes():
    """private, no-store and the like: the client's own request goes to the origin, its Range with it."""
    data = pattern(3 * SLICE)
    with Files(data, fields="Cache-Control: private") as origin:
        with Daemon(sliced(origin)) as weir:
            for _ in range(2):
                response = get(weir, f"{SLICE}-{SLICE + 9}")
                assert (response.status, response.body) == (206, data[SLICE:SLICE + 10])
                assert response["X-Cache"] == "MISS"
            assert origin.ranges[1:] == [f"bytes={SLICE}-{SLICE + 9}"] * 2
            assert weir.get("/missing", method="DELETE").status == 200


def test_stale_is_validated_once_for_all_slices():
    """After its time the whole is asked for by its ETag; a 304 keeps all slices, in the background too."""
    data = pattern(3 * SLICE)
    for cache in ("", "stale_while_revalidate = 1h"):
        with Files(data, fields="Cache-Control: max-age=0") as origin:
            with Daemon(sliced(origin, cache)) as weir:
                assert get(weir).body == data and origin.count == 3
                origin.fields = "Cache-Control: max-age=600"
                again = get(weir)
                assert (again["X-Cache"], again.body == data) == ("UPDATING" if cache else "REVALIDATED", True)
                wait_until(lambda: get(weir)["X-Cache"] == "HIT", 10, "fresh")
                assert get(weir).body == data
                assert origin.count == 4
                # And another version takes its place.
                origin.data, origin.etag = pattern(3 * SLICE, seed=5_000_000), '"v2"'
                fresh = get(weir, fields=[("Cache-Control", "no-cache")])
                assert (fresh.status, fresh["ETag"], fresh.body == origin.data) == (200, '"v2"', True)
                assert get(weir)["X-Cache"] == "HIT"


def test_an_origin_that_is_down():
    """stale_if_error: what is stored of a sliced answer is served; what is missing breaks the connection."""
    data = pattern(3 * SLICE)
    with Files(data, fields="Cache-Control: max-age=0") as origin:
        with Daemon(sliced(origin, "stale_if_error = 1h")) as weir:
            assert get(weir, f"0-{2 * SLICE - 1}").body == data[:2 * SLICE]
            origin.stop()
            stale = get(weir, f"5-{SLICE + 5}")
            assert (stale.status, stale["X-Cache"], stale.body) == (206, "STALE", data[5:SLICE + 6])
            with weir.connect() as client:
                client.send_request("GET", "/")
                client.read_head()
                assert client.read_exactly(2 * SLICE) == data[:2 * SLICE]
                client.expect_closed()


def test_purges_take_all_slices():
    """PURGE by URL, prefix and surrogate key, weirctl purge: every slice is fetched anew."""
    data = pattern(3 * SLICE)
    with Files(data, fields="Cache-Control: max-age=600\r\nSurrogate-Key: big") as origin:
        with Daemon(sliced(origin, location="purge = api_keys:ops") + PURGERS) as weir:
            for target, fields in (("/f", KEY), ("/*", KEY), ("/", KEY + [("Surrogate-Key", "big")])):
                before = origin.count
                for word in ("MISS", "HIT"):
                    response = get(weir, None, "/f")
                    assert (response["X-Cache"], response.body == data) == (word, True)
                assert origin.count == before + 3
                assert weir.get(target, method="PURGE", fields=fields).status == 200
            assert get(weir, None, "/f")["X-Cache"] == "MISS"


def test_variants_in_slices():
    """Each variant has slices of its own."""
    data = {"a": pattern(3 * SLICE), "b": pattern(3 * SLICE, seed=1_000_000)}
    with Files(data["a"], fields="Cache-Control: max-age=600\r\nVary: X-Kind") as origin:
        def before(request, number):
            origin.data, origin.etag = data[request["X-Kind"]], '"%s"' % request["X-Kind"]

        origin.before = before
        with Daemon(sliced(origin)) as weir:
            for word in ("MISS", "HIT"):
                for kind in "ab":
                    response = get(weir, fields=[("X-Kind", kind)])
                    assert (response["X-Cache"], response.body == data[kind]) == (word, True), (word, kind)
            assert origin.count == 6


def test_behind_api_keys():
    """The fetches for a client that had a key need none of their own."""
    data = pattern(3 * SLICE)
    with Files(data) as origin:
        with Daemon(sliced(origin, location="auth = api_keys:ops") + PURGERS) as weir:
            assert get(weir).status == 401
            for word in ("MISS", "HIT"):
                response = get(weir, fields=KEY)
                assert (response["X-Cache"], response.body == data) == (word, True)
            assert origin.count == 3
            assert not any(request.has("X-API-Key") for connection in origin.connections for request in connection.requests)


def test_larger_than_the_whole_cache():
    """24 MB through a cache of 4 MB: every byte, for three clients at once."""
    data = pattern(24 << 20)
    with Files(data) as origin:
        with Daemon(config(origin, "slice = 1m\nmax_object_size = 2m", size="4m"), workers=2) as weir:
            results = []

            def client():
                results.append(get(weir).body == data)

            threads = [threading.Thread(target=client) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert results == [True] * 3
            assert get(weir, f"{20 << 20}-{(20 << 20) + 99}").body == data[20 << 20:(20 << 20) + 100]


def test_a_slow_reader_holds_little():
    """A client that does not read: at most its slice and the next are asked for, whatever the size; then it gets all."""
    data = pattern(32 << 20)
    with Files(data) as origin:
        with Daemon(config(origin, "slice = 1m\nmax_object_size = 2m", size="16m", admin=True), workers=1) as weir:
            worker = weir.workers()[0]
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            sock.connect(("127.0.0.1", weir.port("http")))
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            sock.settimeout(30)
            start = sock.recv(1000, socket.MSG_PEEK)
            assert start.startswith(b"HTTP/1.1 200")
            wait_until(lambda: counters(weir)["upstream_active"] == 0, 20, "quiet at the origin")
            # The kernel's buffers for this connection take some; the rest waits at the origin.
            asked = len(origin.ranges)
            assert asked <= 8, origin.ranges
            assert private_bytes(worker) < 64 << 20
            got = bytearray()
            while piece := sock.recv(1 << 16):
                got += piece
            assert bytes(got).split(b"\r\n\r\n", 1)[1] == data
            assert len(origin.ranges) == 32


def private_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))


def test_the_fetching_worker_is_killed():
    """SIGKILL of the worker that fetches a slice: clients of the other one get every byte, those of the killed one are cut off."""
    data = pattern(4 * SLICE)
    held = threading.Event()
    release = threading.Event()

    with Files(data) as origin:
        def before(request, number):
            if number == 3:
                held.set()
                release.wait(20)

        origin.before = before
        with Daemon(sliced(origin, "lock_timeout = 60s"), workers=2, allow=["SIGKILL"]) as weir, contextlib.ExitStack() as stack:
            clients = []
            while len({connection_owner(weir, client) for client in clients}) < 2:
                clients += stack.enter_context(clients_of(weir, 1))
                clients[-1].read_head()
            for client in clients:
                assert client.read_exactly(2 * SLICE) == data[:2 * SLICE]
            assert held.wait(20)
            victim = owner_of(weir, lambda row: int(row[2].split(":")[1], 16) == origin.port and fetches(weir, row, origin))
            theirs = [client for client in clients if connection_owner(weir, client) != victim]
            others = [client for client in clients if client not in theirs]
            os.kill(victim, signal.SIGKILL)
            release.set()
            for client in theirs:
                assert client.read_exactly(2 * SLICE) == data[2 * SLICE:]
            for client in others:
                with contextlib.suppress(Closed, Failure):
                    rest = client.read_exactly(2 * SLICE)
                    assert rest == data[2 * SLICE:]
            assert get(weir).body == data


def fetches(weir, row, origin):
    """Of the connections to the origin: the one whose request is held."""
    port = int(row[1].split(":")[1], 16)
    for connection in origin.connections:
        with contextlib.suppress(OSError):
            if connection.sock.getpeername()[1] == port and connection.requests and connection is busiest(origin):
                return True
    return False


def busiest(origin):
    """The connection of the latest request."""
    wanted = f"bytes={2 * SLICE}-{3 * SLICE - 1}"
    return next(connection for connection in origin.connections
                if connection.requests and connection.requests[-1].get("Range") == wanted)


def test_the_origin_breaks_off_in_a_slice():
    """The rest of a slice that broke off comes by another request, or where nothing does the client is cut off."""
    data = pattern(4 * SLICE)
    with Files(data) as origin:
        broken = {"times": 1}

        def before(request, number):
            first = int(request.get("Range", "=0-").split("=")[1].split("-")[0])
            if first < 2 * SLICE or broken["times"] == 0:
                return None
            broken["times"] -= 1
            if first > 2 * SLICE:
                return lambda connection: connection.close()

            def half(connection):
                connection.send((f"HTTP/1.1 206 Partial Content\r\nContent-Length: {SLICE}\r\nETag: {origin.etag}\r\n{origin.fields}\r\n"
                                 f"Content-Range: bytes {2 * SLICE}-{3 * SLICE - 1}/{len(data)}\r\n\r\n").encode()
                                + data[2 * SLICE:2 * SLICE + 1000])
                connection.close()

            return half

        origin.before = before
        with Daemon(sliced(origin)) as weir:
            assert get(weir).body == data
            assert get(weir, None, "/2").body == data
            # It never comes: an end that can be seen.
            broken["times"] = 100
            with weir.connect() as client:
                client.send_request("GET", "/3")
                client.read_head()
                assert client.read_exactly(2 * SLICE) == data[:2 * SLICE]
                with contextlib.suppress(Closed):
                    client.read_exactly(SLICE)
                    raise AssertionError("bytes that nobody has")
            broken["times"] = 0
            assert get(weir, None, "/3").body == data


def test_a_client_that_leaves():
    """The slice it asked for is stored all the same; no further one is fetched for it."""
    data = pattern(64 * SLICE)
    with Files(data) as origin:
        with Daemon(sliced(origin, admin=True), workers=1) as weir:
            client = weir.connect()
            client.send_request("GET", "/")
            client.read_until(b"\r\n\r\n")
            client.abort()
            wait_until(lambda: counters(weir)["requests_active"] == 0, 10, "the end")
            assert len(origin.ranges) < 64
            before = len(origin.ranges)
            assert get(weir, "0-9")["X-Cache"] == "HIT" and len(origin.ranges) == before


def test_reload_keeps_slices_and_clients():
    """HUP in the middle of an answer: the client gets the rest, the new workers find the slices."""
    data = pattern(40 * SLICE)
    with Files(data) as origin:
        with Daemon(sliced(origin)) as weir:
            with weir.connect(limit=30) as client:
                client.send_request("GET", "/")
                client.read_head()
                got = client.read_exactly(SLICE)
                weir.reload()
                got += client.read_exactly(len(data) - SLICE)
                assert got == data
            again = get(weir)
            assert again["X-Cache"] == "HIT" and again.body == data
            assert len(origin.ranges) == 40
