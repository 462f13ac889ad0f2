"""Requests that come again byte for byte and are answered from a cache without being read again (hit_memory)."""

import pathlib
import re
import socket

from harness import Daemon, Failure, wait_until
from harness.fleet import counters
from test_cache import Origin, answer, config
from test_purge import purge

REQUEST = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"


def ask(client):
    client.send(REQUEST)
    return client.read_response("GET")


def repeated(weir, client, least=1):
    """Asks until so many were answered from memory: a second that ends in between makes one more necessary."""
    begin = counters(weir)["cache_repeated"]
    for _ in range(1000):
        got = ask(client)
        assert (got.status, got["X-Cache"]) == (200, "HIT"), got
        if counters(weir)["cache_repeated"] - begin >= least:
            return got
    raise Failure("nothing was repeated")


def test_a_repeated_hit_is_the_hit():
    """Fields and body are those of the first hit; Age goes on; a request that differs in a byte is another one."""
    with Origin(lambda request, n: answer(b"body %d" % n)) as origin:
        with Daemon(config(origin, admin=True)) as weir, weir.connect() as client:
            assert ask(client)["X-Cache"] == "MISS"
            first = ask(client)
            again = repeated(weir, client, least=20)
            names = [name for name, _ in first.fields]
            assert again.body == first.body == b"body 1" and [name for name, _ in again.fields] == names
            wait_until(lambda: int(ask(client)["Age"]) >= 1, 10, "Age to go on")
            got = repeated(weir, client)
            assert got["Cache-Status"] == f"weir; hit; ttl={59 - int(got['Age'])}", got.fields
            client.send(REQUEST.replace(b"/page", b"/pagf"))
            assert client.read_response("GET").body == b"body 2"
            assert origin.count == 2


def test_what_is_purged_or_stored_anew_is_not_repeated():
    """A purge, a soft purge and a new answer are seen by the next request."""
    with Origin(lambda request, n: answer(b"body %d" % n, "Cache-Control: max-age=60\r\nSurrogate-Key: k")) as origin:
        with Daemon(config(origin, admin=True)) as weir, weir.connect() as client:
            for number, what in enumerate((["--all"], ["--tag", "k"], ["--all", "--soft"], ["--tag", "k"]), 1):
                ask(client)
                assert repeated(weir, client).body == b"body %d" % number
                purge(weir, *what)
                got = ask(client)
                assert got["X-Cache"] != "HIT" and got.body == b"body %d" % (number + 1), (what, got)


def test_freshness_ends_at_its_time():
    """What was fresh for a second is not repeated beyond it."""
    with Origin(lambda request, n: answer(b"body %d" % n, "Cache-Control: max-age=1")) as origin:
        with Daemon(config(origin, admin=True)) as weir, weir.connect() as client:
            ask(client)

            def fetched_again():
                got = ask(client)
                assert (got["X-Cache"] == "HIT") == (got.body == b"body 1")
                return got.body == b"body 2"

            wait_until(fetched_again, 10, "the answer to become stale")


def test_variants_are_repeated_as_they_are():
    """Vary chooses among what is stored, also for requests that are known byte for byte."""
    serve = lambda request, n: answer(request.get("Accept-Language").encode(), "Cache-Control: max-age=60\r\nVary: Accept-Language")  # noqa: E731
    with Origin(serve) as origin:
        with Daemon(config(origin, admin=True)) as weir, weir.connect() as client:
            begin = counters(weir)["cache_repeated"]
            for _ in range(20):
                for language in (b"de", b"fr", b"en"):
                    client.send(REQUEST[:-2] + b"Accept-Language: " + language + b"\r\n\r\n")
                    assert client.read_response("GET").body == language
            assert origin.count == 3 and counters(weir)["cache_repeated"] > begin


def test_what_else_decides_is_asked_each_time():
    """Keys are checked, lines are written and identifiers made for each request."""
    extra = """
add_header = X-Id $request_id
access_log = lines
[log lines]
path = lines.log
format = "$request_id $status $upstream_cache_status"
"""
    with Origin(lambda request, n: answer(b"hello")) as origin:
        with Daemon(config(origin, location=extra, admin=True)) as weir, weir.connect() as client:
            seen = [ask(client)["X-Id"] for _ in range(30)]
            assert len(set(seen)) == 30 and counters(weir)["cache_repeated"] == 0
            path = pathlib.Path(weir.prefix) / "lines.log"
            wait_until(lambda: path.exists() and len(path.read_text().splitlines()) == 30, 10, "30 lines")
            assert [line.split()[0] for line in path.read_text().splitlines()] == seen


def test_a_worker_that_leaves_says_so():
    """After a reload the next answer on a connection of the old worker is its last."""
    with Origin(lambda request, n: answer(b"hello")) as origin:
        with Daemon(config(origin, admin=True)) as weir, weir.connect() as client:
            ask(client)
            repeated(weir, client)
            weir.reload()
            got = ask(client)
            assert (got["X-Cache"], got["Connection"]) == ("HIT", "close")
            client.expect_closed()


def test_a_client_that_does_not_read():
    """What the kernel has no room for waits, without reading on; all of it comes, in order; silence ends at send_timeout."""
    body = bytes(range(256)) * 60
    with Origin(lambda request, n: answer(body)) as origin:
        for reads, timeout in ((True, "60s"), (False, "1s")):
            with Daemon(config(origin, location=f"send_timeout = {timeout}", admin=True)) as weir:
                with weir.connect() as client:
                    ask(client)
                    repeated(weir, client)
                client = socket.create_connection(("127.0.0.1", weir.port("http")))
                sent = 0
                slow = counters(weir)["slow_readers"]

                def served(since, count):
                    return counters(weir)["requests"] - since >= count

                since = counters(weir)["requests"]
                while sent < 2000:
                    client.sendall(REQUEST)
                    sent += 1
                    try:
                        wait_until(lambda: served(since, sent), 0.5, "an answer")  # noqa: B023
                    except Failure:
                        break  # it waits for room
                assert sent < 2000, "the kernel takes everything"
                if reads:
                    got = b""
                    client.settimeout(20)
                    while got.count(body) < sent:
                        got += client.recv(1 << 20)
                    assert got.count(b"HTTP/1.1 200 OK\r\n") == sent and got.endswith(body)
                else:
                    wait_until(lambda: counters(weir)["slow_readers"] > slow, 20, "the client to be let go")
                client.close()


def read_whole(client, left=b""):
    """An answer from a plain socket: head, body, and what came behind it. (Client reads large bodies slowly.)"""
    got = bytearray(left)
    while b"\r\n\r\n" not in got:
        more = client.recv(1 << 20)
        assert more, "closed"
        got += more
    head, rest = bytes(got).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    parts, missing = [rest], int(re.search(rb"Content-Length: (\d+)", head)[1]) - len(rest)
    while missing > 0:
        parts.append(client.recv(1 << 20))
        assert parts[-1], "closed"
        missing -= len(parts[-1])
    body = b"".join(parts)
    end = len(body) + missing
    return head, body[:end], body[end:]


def ask_plain(client, request=REQUEST):
    client.sendall(request)
    head, body, left = read_whole(client)
    assert not left
    return head, body


def plain_client(weir):
    client = socket.create_connection(("127.0.0.1", weir.port("http")))
    client.settimeout(20)
    return client


def make_hot(weir, client, request=REQUEST):
    """Asks until the answer comes from a file of its own. Its body."""
    begin = counters(weir)["cache_uncopied"]
    for _ in range(100):
        bodies = {ask_plain(client, request)[1] for _ in range(40)}
        assert len(bodies) == 1
        if counters(weir)["cache_uncopied"] > begin:
            return bodies.pop()
    raise Failure("nothing was sent without copying")


def test_large_answers_that_are_hot():
    """Their bytes are the same from the first hit on; small and very large ones, and hit_file_memory = 0, go without."""
    for size in (32 << 10, 100 << 10, (256 << 10) + 1, 1 << 20):
        body = bytes(range(251)) * (size // 251 + 1)
        body = body[:size]
        with Origin(lambda request, n, body=body: answer(body)) as origin:
            with Daemon(config(origin, admin=True, size="64m")) as weir, plain_client(weir) as client:
                assert ask_plain(client)[1] == body
                assert make_hot(weir, client) == body
                assert b"X-Cache: HIT" in ask_plain(client)[0]
                assert origin.count == 1
    for size, main in (((32 << 10) - 1, ""), (100 << 10, "hit_file_memory = 0"), ((1 << 20) + 1, "")):
        body = bytes(size)
        with Origin(lambda request, n, body=body: answer(body)) as origin:
            with Daemon(config(origin, admin=True, size="64m"), main=main) as weir, plain_client(weir) as client:
                for _ in range(60):
                    assert ask_plain(client)[1] == body
                assert counters(weir)["cache_uncopied"] == 0


def test_who_reads_late_gets_what_was_asked_for():
    """What is under way is not touched by what is stored, purged and made hot meanwhile."""
    size = 150 << 10
    requests = [REQUEST.replace(b"/page", path) for path in (b"/page", b"/pag1", b"/pag2", b"/pag3")]

    def body(target, n):
        return b"%s %08d\n" % (target.encode(), n) * (size // 15)

    with Origin(lambda request, n: answer(body(request.target, n))) as origin:
        text = config(origin, admin=True, size="4m", location="keepalive_requests = 1000000")
        with Daemon(text, main="hit_file_memory = 1m") as weir, plain_client(weir) as client:
            first = make_hot(weir, client)
            with plain_client(weir) as late:
                begin = counters(weir)["requests"]
                asked = 0
                while asked < 2000:
                    late.sendall(REQUEST)
                    asked += 1
                    try:
                        wait_until(lambda: counters(weir)["requests"] - begin >= asked, 0.5, "an answer")  # noqa: B023
                    except Failure:
                        break  # it waits for room
                assert asked < 2000, "the kernel takes everything"
                for _ in range(10):
                    purge(weir, "--all")
                    for request in requests:
                        got = make_hot(weir, client, request)
                        assert got == got[:15] * (size // 15) and got[:5] == request[4:9]
                left = b""
                for number in range(asked - 1):  # the last one had not begun
                    head, got, left = read_whole(late, left)
                    assert got == first, f"answer {number} of {asked} has bytes of another one"
