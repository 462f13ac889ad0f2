"""Coded answers as they come: streams at their origin's pace, slow clients, broken origins, bombs, reloads."""

import gzip
import socket
import subprocess
import threading
import zlib

from harness import Closed, Daemon, Failure, RawClient, ScriptedOrigin, scale, wait_until
from harness.coding import CODINGS, Pages, ask, chunked, curl, decode, encode, noise_of, site, text_of, whole, zlib_decoder
from harness.fleet import counters

PAGE = text_of(60_000)


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


class Paced(ScriptedOrigin):
    """Sends piece after piece, each when the test says so: `go` is released once per piece."""

    def __init__(self, pieces, kind, end=b"0\r\n\r\n"):
        self.go = threading.Semaphore(0)

        def script(connection):
            connection.read_request()
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces:
                if not self.go.acquire(timeout=scale(20)):
                    raise Failure("the test never wanted the next piece")
                connection.send(chunk(piece))
            connection.send(end)
            connection.read_to_end()

        super().__init__(script)


def test_events_arrive_one_by_one():
    """Server-sent events and other slow streams: each is decoded at the client before the origin sends the next."""
    events = [f"id: {n}\ndata: {'x' * n} event number {n}\n\n".encode() for n in range(30)]
    for kind in ("text/event-stream", "text/plain"):
        for coding in ("gzip", "deflate"):
            with Paced(events, kind) as origin, Daemon(site(origin)) as weir, weir.connect() as client:
                client.send_request(fields=[("Accept-Encoding", coding)])
                decoder, plain = zlib_decoder(coding), b""
                for n, event in enumerate(events):
                    origin.go.release()
                    if n == 0:
                        assert client.read_head()["Content-Encoding"] == coding
                    while not plain.endswith(event):
                        size = int(client.read_until(b"\r\n"), 16)
                        assert size > 0, (kind, coding, n)
                        plain += decoder.decompress(client.read_exactly(size))
                        client.read_exactly(2)
                assert client.read_until(b"0\r\n\r\n") and plain == b"".join(events)


def test_events_arrive_one_by_one_at_curl():
    """The same in br and zstd, as curl decodes them."""
    events = [f"data: event number {n}\n\n".encode() for n in range(20)]
    for coding in ("br", "zstd"):
        with Paced(events, "text/event-stream") as origin, Daemon(site(origin)) as weir:
            url = f"http://127.0.0.1:{weir.port('http')}/"
            command = ["curl", "-sSN", "--compressed", "-H", f"Accept-Encoding: {coding}", "-m", str(int(scale(30))), url]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
                try:
                    for event in events:
                        origin.go.release()
                        assert curl.stdout.readline() + curl.stdout.readline() == event, (coding, event)
                    assert curl.stdout.read() == b"" and curl.wait() == 0
                finally:
                    curl.kill()


def test_a_slow_client_holds_up_the_origin():
    """A client that does not read stops the origin, and costs no more memory than a buffer; then all of it comes."""
    size, sent = 48, []
    body = noise_of(1 << 20)

    def script(connection):
        request = connection.read_request()
        count = int(request.target[1:])
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {count << 20}\r\n\r\n")
        for n in range(count):
            connection.send(body)
            sent.append(n)

    for coding in CODINGS:
        del sent[:]
        with ScriptedOrigin(script) as origin, Daemon(site(origin)) as weir:
            with weir.connect() as client:
                begin = rss(weir.workers()[0])
                client.send_request(target=f"/{size}", fields=[("Accept-Encoding", coding)])
                client.read_head()
                seen = [-1]

                def rests():
                    before, seen[0] = seen[0], counters(weir)["upstream_bytes_in"]
                    return before == seen[0] and sent

                wait_until(rests, 20, "the origin to be held up")
                assert len(sent) < size, coding
                grown = rss(weir.workers()[0]) - begin
                assert grown < 12 << 10, f"{coding}: {grown} KiB more for one stream"
                client.abort()
            url = f"http://127.0.0.1:{weir.port('http')}/16"
            command = ["curl", "-sS", "--compressed", "-H", f"Accept-Encoding: {coding}", "-m", str(int(scale(60))), url]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as slow:
                del sent[:]
                wait_until(lambda: sent, 20, "the origin to begin")  # curl is held up by its pipe, until now
                assert slow.stdout.read() == body * 16 and slow.wait() == 0


def test_over_tls_and_through_narrow_windows():
    """Over TLS, and to clients that take little at a time, every byte comes once and in order."""
    body = text_of(2_000_000) + noise_of(500_000)
    small = noise_of(100_000)
    with Pages({"/": chunked(body), "/known": whole(body), "/small": whole(small)}) as origin:
        config = site(origin, "listen = 127.0.0.1:@https@ ssl\nssl_certificate = auto\ncompress = br zstd gzip deflate")
        with Daemon(config) as weir:
            for coding in CODINGS:
                for path, name in (("/", "https"), ("/known", "https"), ("/", "http")):
                    url = f"{name}://127.0.0.1:{weir.port(name)}{path}"
                    accept = f"Accept-Encoding: {coding}"
                    assert curl("-k", "--compressed", "--limit-rate", "8m", "-H", accept, url) == body, (coding, url)
                with RawClient(weir.port("http")) as client:
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    client.send_request(target="/small", fields=[("Accept-Encoding", coding)])
                    assert decode(coding, client.read_response().body) == small, coding


def test_an_origin_that_dies_is_seen():
    """Cut in the middle, a coded answer does not end as whole ones do: no last chunk, or a reset for HTTP/1.0."""

    def breaks(head):
        def script(connection):
            connection.read_request()
            connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{head}\r\n\r\n".encode())
            connection.send(chunk(PAGE[:20_000]) if "chunked" in head else PAGE[:20_000])

        return script

    for head in ("Content-Length: 60000", "Transfer-Encoding: chunked"):
        with ScriptedOrigin(breaks(head)) as origin, Daemon(site(origin)) as weir:
            for coding in CODINGS:
                with weir.connect() as client:
                    client.send_request(fields=[("Accept-Encoding", coding)])
                    try:
                        got = client.read_response()
                    except Closed:
                        got = None
                    assert got is None, (head, coding)
                    assert b"\r\n0\r\n\r\n" not in client.received
                with weir.connect() as client:
                    client.send(f"GET / HTTP/1.0\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n")
                    client.read_to_end()
                    assert client.reset, (head, coding)
            wait_until(lambda: counters(weir)["requests_active"] == 0, 10, "all of them over")


def test_clients_that_leave_cost_nothing():
    """Clients that go in the middle of coded answers leave no request, no memory and no connection behind."""
    with Pages({"/": whole(text_of(4_000_000))}) as origin:
        with Daemon(site(origin), main="compress_memory = 8m") as weir:
            for n in range(60):
                with weir.connect() as client:
                    client.send_request(fields=[("Accept-Encoding", CODINGS[n % 4])])
                    if n % 3:
                        client.read_head()
                    client.abort()
            wait_until(lambda: counters(weir)["requests_active"] == 0, 20, "all of them over")
            for coding in CODINGS:
                assert ask(weir, accept=coding)["Content-Encoding"] == coding
            assert counters(weir)["upstream_active"] == 0


def test_decompressed_for_who_does_not_take_it():
    """decompress = on: gzip, deflate, br and zstd become plain for clients that do not take them; HEAD agrees."""
    with Pages({"/": whole(PAGE)}) as source, Daemon(site(source)) as maker:
        coded = {coding: maker.get("/", fields=[("Accept-Encoding", coding)]).body for coding in CODINGS}
    coded["gzip-of-python"], coded["deflate-of-python"] = encode("gzip", PAGE), encode("deflate", PAGE)
    pages = {}
    for name, data in coded.items():
        fields = f'Content-Type: text/html\r\nContent-Encoding: {name.partition("-")[0]}\r\nETag: "v"\r\nAccept-Ranges: bytes'
        pages["/" + name], pages["/c/" + name] = whole(data, fields), chunked(data, fields)
    pages["/twice"] = whole(coded["gzip"], "Content-Type: text/html\r\nContent-Encoding: gzip, br")
    with Pages(pages) as origin, Daemon(site(origin, "decompress = on")) as weir:
        for path in pages:
            coding = path.rpartition("/")[2].partition("-")[0]
            if path == "/twice":
                assert ask(weir, path, method="HEAD")["Content-Encoding"] == "gzip, br"
                continue
            got = ask(weir, path)
            assert got.plain == PAGE and not got.has("Content-Encoding") and not got.has("Accept-Ranges"), (path, got)
            assert (got["ETag"], got["Vary"]) == ('W/"v"', "Accept-Encoding")
            head = ask(weir, path, method="HEAD")
            assert not head.has("Content-Encoding") and not head.has("Content-Length") and head["ETag"] == 'W/"v"'
            taken = ask(weir, path, coding)
            assert taken["Content-Encoding"] == coding and taken["ETag"] == '"v"' and taken.plain == PAGE
            assert taken["Vary"] == "Accept-Encoding" and taken.body == coded[path.rpartition("/")[2]]
        row = weir.get("/status", name="admin").json["compression"]["decompressed"]
        assert row["bytes_out"] == 2 * len(coded) * len(PAGE) and row["ratio"] > 1


def test_bombs_are_broken_off():
    """What decompresses to too much, or at too large a ratio, ends uncleanly, soon, and costs neither memory nor the peer."""
    bomb = gzip.compress(b"\0" * (200 << 20), 9)
    fields = "Content-Type: text/html\r\nContent-Encoding: gzip"
    noise = noise_of(3 << 20)
    with Pages({"/bomb": whole(bomb, fields), "/large": whole(gzip.compress(noise, 1), fields)}) as origin:
        for path, location, most in (("/bomb", "", 2 << 20), ("/large", "decompress_max_size = 2m", 2 << 20)):
            with Daemon(site(origin, "decompress = on\n" + location)) as weir, weir.connect() as client:
                begin = rss(weir.workers()[0])
                client.send_request(target=path)
                try:
                    client.read_response()
                except Closed:
                    pass
                else:
                    raise Failure(f"{path} came whole")
                assert len(client.received) <= most + 65536, len(client.received)
                assert rss(weir.workers()[0]) - begin < 8 << 10
                wait_until(lambda: counters(weir)["decompress_refused"] == 1, 10, "it to be counted")
                peer = weir.get("/status", name="admin").json["upstreams"][0]["peers"][0]
                assert peer["failures"] == 0 and not peer["ejected"], peer
        with Daemon(site(origin, "decompress = on")) as weir:
            assert ask(weir, "/large").plain == noise


def test_damaged_bodies_are_not_whole():
    """Cut short, with a wrong checksum, of another coding or with more behind: the client sees no clean end."""
    good = encode("gzip", PAGE)
    bad = {"/cut": good[:-20], "/sum": good[:-6] + b"\0\0" + good[-4:], "/other": zlib.compress(PAGE), "/none": PAGE}
    fields = "Content-Type: text/html\r\nContent-Encoding: gzip"
    with Pages({path: whole(data, fields) for path, data in bad.items()}) as origin:
        with Daemon(site(origin, "decompress = on")) as weir:
            for path in bad:
                with weir.connect() as client:
                    client.send_request(target=path)
                    try:
                        got = client.read_response()
                    except Closed:
                        continue
                    assert got.status == 502, (path, got)


def test_reloads_under_load():
    """compress on and off, again and again, while clients ask: every answer is whole and what its head says."""
    with Pages({"/": whole(PAGE, 'Content-Type: text/html\r\nETag: "v"')}) as origin:
        on, off = site(origin), site(origin, "compress = off")
        with Daemon(on, workers=2) as weir:
            stop, bad, seen = threading.Event(), [], set()

            def load(coding):
                while not stop.is_set():
                    try:
                        got = ask(weir, accept=coding)
                        seen.add(got.get("Content-Encoding"))
                        if got.plain != PAGE or got.has("Content-Encoding") != got["ETag"].startswith("W/"):
                            bad.append(got)
                    except Exception as error:  # told by the test below
                        bad.append(error)
                        return

            clients = [threading.Thread(target=load, args=(coding,)) for coding in ("gzip", "deflate", None)]
            for client in clients:
                client.start()
            for n in range(12):
                weir.reload(off if n % 2 == 0 else on)
            stop.set()
            for client in clients:
                client.join()
            assert not bad, bad[:2]
            assert seen == {"gzip", "deflate", None}
