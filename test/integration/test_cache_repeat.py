"""Requests that come again byte for byte and are answered from a cache without being read again (hit_memory)."""

import pathlib
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
