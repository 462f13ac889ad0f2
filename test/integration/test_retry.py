"""What is tried again, and what never is: statuses, broken connections, timeouts, bodies, the budget, hedges."""

import contextlib
import os
import threading
import time

from harness import Closed, Daemon, RawClient, free_port, wait_until
from harness.fleet import OK, Fleet, answer, close, counters, ok, reset, silent, status, take_body


def config(fleet, retry="", upstream="", location="", admin=False):
    addresses = [origin.address for origin in fleet.origins] if isinstance(fleet, Fleet) else fleet
    servers = "\n".join(f"server = {address} max_fails=0" for address in addresses)
    return f"""
{"[admin]" if admin else ""}
{"listen = 127.0.0.1:@admin@" if admin else ""}
[upstream origins]
{servers}
{"retry = " + retry if retry else ""}
{upstream}
[log tries]
path = run/tries.log
format = "$upstream_addr|$upstream_status|$status"
[server web]
listen = 127.0.0.1:@http@
upstream = origins
access_log = tries
debug_headers = on
{location}
"""


def tries_of(weir, count):
    """The lines of the access log, once there are so many."""
    path = weir.prefix / "run" / "tries.log"

    def lines():
        return path.read_text().splitlines() if path.exists() else []

    wait_until(lambda: len(lines()) >= count, 10, f"{count} lines of the access log")
    return [line.split("|") for line in lines()]


# What is tried again


def test_a_status_that_is_asked_for_goes_to_another_peer():
    """503, then 200 from the other peer: the client sees the 200, the log and X-Retry-Count say it took two."""
    with Fleet(status(503, b"busy"), ok) as fleet:
        with Daemon(config(fleet, "tries=3 on=http_503", admin=True)) as weir:
            response = weir.get()
            assert (response.status, response.body, response["X-Retry-Count"]) == (200, b"ok", "1")
            assert len(set(fleet.ports())) == 2
            line = tries_of(weir, 1)[0]
            assert line[0] == ", ".join(f"127.0.0.1:{port}" for port in fleet.ports())
            assert line[1:] == ["503, 200", "200"]
            wait_until(lambda: counters(weir)["upstream_retries"] == 1, 5)
            # The short answer that nobody wanted was read away: its connection carries the next requests.
            for _ in range(4):
                assert weir.get().status == 200
            assert sum(len(origin.connections) for origin in fleet.origins) == 2


def test_the_last_answer_is_passed_on_as_it_is():
    """All peers say 503: after the last try its answer goes to the client, fields and body."""
    with Fleet(status(503, b"first"), status(503, b"second"), status(503, b"third", b"Retry-After: 7\r\n")) as fleet:
        with Daemon(config(fleet, "tries=3 on=http_503")) as weir:
            response = weir.get()
            assert (response.status, response.body, response["Retry-After"]) == (503, b"third", "7")
            assert response["X-Retry-Count"] == "2"
            ports = fleet.ports()
            assert len(ports) == 3 and ports[0] != ports[1] and ports[1] != ports[2]  # another one while there is one
            assert tries_of(weir, 1)[0][1] == "503, 503, 503"


def test_a_status_that_is_not_asked_for_is_an_answer():
    """on=http_503 says nothing of 500, 404 or 200."""
    with Fleet(status(500), status(404), status(200)) as fleet:
        with Daemon(config(fleet, "tries=3 on=http_503")) as weir:
            assert [weir.get().status for _ in range(3)] == [500, 404, 200]
            assert len(fleet.requests()) == 3


def test_a_long_answer_that_nobody_wants_is_dropped_with_its_connection():
    """A 502 with a megabyte behind it, or one that is not complete: not read to its end, the next peer is asked at once."""
    long = b"HTTP/1.1 502 Bad\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100_000

    def endless(connection):
        connection.send(long)
        connection.read_to_end()

    with Fleet(endless, endless, ok) as fleet:
        with Daemon(config(fleet, "tries=3 on=http_5xx")) as weir:
            response = weir.get()
            assert (response.status, response.body) == (200, b"ok")
            wait_until(lambda: all(c.finished() for c, _ in fleet.order[:2]), 10, "the connections to be dropped")


def test_broken_connections_and_what_is_no_answer():
    """A reset, an end and junk instead of an answer: each is tried again when it is asked for, each is a 502 when not."""
    junk = answer(b"SMTP ready\r\n\r\n")
    for fault, on in ((reset, "error"), (close, "error"), (junk, "invalid")):
        with Fleet(fault, ok) as fleet, Daemon(config(fleet, f"tries=2 on={on}")) as weir:
            assert weir.get().status == 200
            assert tries_of(weir, 1)[0][1] == "502, 200"
        with Fleet(fault, ok) as fleet, Daemon(config(fleet, "tries=2 on=timeout,http_5xx")) as weir:
            assert weir.get().status == 502
            assert len(fleet.requests()) == 1


def test_a_peer_that_refuses_is_no_try():
    """Peers that can't be connected to are passed over, each once, however few tries there are; not with off."""
    dead = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    with Fleet(status(503), ok, count=1) as fleet:
        servers = [*dead, fleet.origins[0].address]
        with Daemon(config(servers, "tries=2 on=http_503")) as weir:
            assert weir.get(method="POST", body=b"x").status == 503  # passed over, and not idempotent
            assert weir.get().status == 200
    with Fleet(status(503), ok, count=1) as fleet:
        servers = [dead[0], fleet.origins[0].address]
        with Daemon(config(servers, "tries=2 on=http_503")) as weir:
            # The second try comes back to the one peer that can be connected to.
            assert weir.get().status == 200
            assert len(fleet.requests()) == 2
    with Daemon(config(dead, "off")) as weir:
        assert weir.get().status == 502
        assert ", " not in tries_of(weir, 1)[0][0]


def test_per_try_timeout():
    """A peer that is silent, or does not end its head, for so long is left; proxy_read_timeout is not waited for."""

    def half(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nX-Half:")
        connection.read_to_end()

    with Fleet(silent, half, ok) as fleet:
        with Daemon(config(fleet, "tries=3 on=timeout per_try_timeout=200ms")) as weir:
            started = time.monotonic()
            response = weir.get()
            assert (response.status, response["X-Retry-Count"]) == (200, "2")
            assert 0.4 <= time.monotonic() - started < 30  # proxy_read_timeout is 60 s
            assert tries_of(weir, 1)[0][1] == "504, 504, 200"
    with Fleet(silent) as fleet:
        with Daemon(config(fleet, "tries=2 on=timeout per_try_timeout=100ms")) as weir:
            assert weir.get().status == 504
            assert len(fleet.requests()) == 2


def test_a_client_that_uploads_slowly_is_not_the_peers_fault():
    """per_try_timeout does not run while the client owes its body."""
    with Fleet(ok) as fleet:
        with Daemon(config(fleet, "tries=2 on=timeout per_try_timeout=200ms")) as weir, weir.connect() as client:
            client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
            wait_until(lambda: fleet.requests(), 10, "the head at the origin")
            time.sleep(0.6)  # the client's pace
            client.send("cd")
            assert client.read_response().status == 200
            assert [request.body for request in fleet.requests()] == [b"abcd"]


# What is not


def test_without_the_line_nothing_that_was_sent_is_sent_again():
    """The default passes over what can't be connected to, and no more."""
    for fault, code in ((reset, 502), (close, 502), (status(503), 503)):
        with Fleet(fault, ok) as fleet, Daemon(config(fleet)) as weir:
            response = weir.get()
            assert (response.status, response["X-Retry-Count"]) == (code, "0")
            assert len(fleet.requests()) == 1


def test_methods_that_are_not_idempotent():
    """POST and PATCH are tried again only with non_idempotent; PUT, DELETE and OPTIONS without."""
    for methods, extra, tries in (
        (("POST", "PATCH"), "", 1),
        (("POST", "PATCH"), ",non_idempotent", 2),
        (("PUT", "DELETE", "OPTIONS"), "", 2),
    ):
        for method in methods:
            with Fleet(reset, ok) as fleet, Daemon(config(fleet, "tries=2 on=error" + extra)) as weir:
                response = weir.get(method=method, body=b"hello")
                assert response.status == (502 if tries == 1 else 200), method
                assert len(fleet.requests()) == tries, method


def test_an_answer_that_has_begun_is_never_tried_again():
    """A 200 that breaks off after its head: the client's connection ends, no other peer is asked."""

    def cut(connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        connection.abort()

    with Fleet(cut, ok) as fleet:
        with Daemon(config(fleet, "tries=3 on=error,timeout,invalid,http_5xx,non_idempotent")) as weir:
            with weir.connect() as client:
                client.send_request()
                try:
                    client.read_response()
                    raise AssertionError("half an answer looks complete")
                except Closed:
                    pass
            assert weir.get().status == 200
            assert len(fleet.requests()) == 2


# Bodies


def body_fault(read, then):
    """Reads so many bytes of the body, then fails."""

    def action(connection):
        connection.read_exactly(read)
        return then(connection)

    return action


def test_a_body_is_sent_again_byte_for_byte():
    """After a reset inside the body, before it and behind it; of stated length and in chunks; across many blocks."""
    body = os.urandom(200_000)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1], body[1:70_000], body[70_000:]))
    for request in (
        b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + body,
        b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        + chunked
        + b"0\r\nX-Sum: 42\r\n\r\n",
    ):
        for fault in (body_fault(0, reset), body_fault(30_000, reset), status(503)):
            with Fleet(fault, body_fault(100_000, reset), ok) as fleet:
                upstream = "retry_body_max_size = 256k"
                with Daemon(config(fleet, "tries=3 on=error,http_503", upstream)) as weir, weir.connect() as client:
                    client.send(request)
                    response = client.read_response()
                    assert (response.status, response["X-Retry-Count"]) == (200, "2")
                    last = fleet.requests()[-1]
                    assert last.body == body
                    assert last.trailers == ([("X-Sum", "42")] if b"chunked" in request else [])


def test_a_post_is_sent_again_while_its_client_still_sends():
    """The first peer fails after a part; what comes later goes behind what was kept."""
    with Fleet(body_fault(6, reset), ok) as fleet:
        with Daemon(config(fleet, "tries=2 on=error,non_idempotent")) as weir, weir.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello ")
            wait_until(lambda: len(fleet.requests()) == 2, 10, "the second try")
            client.send("world")
            assert client.read_response().status == 200
            assert fleet.requests()[1].body == b"hello world"


def test_a_body_that_was_not_kept_is_not_sent_again():
    """More than retry_body_max_size was given away: the failure is the client's to see, once."""
    body = b"x" * 100_000

    def expect(upstream, size, code, tries):
        with Fleet(status(503, b"busy"), ok) as fleet:
            with Daemon(config(fleet, "tries=2 on=error,http_503", upstream)) as weir:
                assert weir.get(method="PUT", body=body[:size]).status == code
                assert len(fleet.requests()) == tries
                assert fleet.requests()[-1].body == body[:size]

    expect("retry_body_max_size = 64k", 65_536, 200, 2)
    expect("retry_body_max_size = 64k", 65_537, 503, 1)
    expect("retry_body_max_size = 0", 1, 503, 1)


def test_bodies_share_the_workers_buffers():
    """What is kept never takes more than half of buffer_pool_size: beyond it there is no retry, and nothing else breaks."""
    body = b"x" * 400_000
    waiting = threading.Event()

    def hold(connection):
        take_body(connection)
        waiting.wait(20)
        connection.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        return True

    with Fleet(*[hold] * 8, ok) as fleet:
        text = config(fleet, "tries=2 on=http_503", "retry_body_max_size = 1m")
        with Daemon(text, main="buffer_pool_size = 4m") as weir, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(weir.connect()) for _ in range(8)]
            for number, client in enumerate(clients, 1):  # one after the other: at once none may get all it needs
                client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n" + body)
                there = number * len(body)
                wait_until(lambda: sum(len(r.body) for r in fleet.requests()) == there, 20, "a body")  # noqa: B023
            waiting.set()
            answers = [client.read_response().status for client in clients]
            assert 1 <= answers.count(200) <= 4, answers  # 512 KiB of blocks each, of 2 MiB
            assert answers.count(503) == 8 - answers.count(200)
            assert all(len(request.body) == len(body) for request in fleet.requests())


def test_expect_continue_is_kept_on_a_further_try():
    """The first peer says 100, takes the body and resets; the second gets Expect again and decides by itself."""

    def careful(connection):
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        take_body(connection)
        connection.abort()

    def strict(connection):
        assert connection.requests[-1]["Expect"] == "100-continue"
        connection.expect_open()  # no byte of the body yet
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return ok(connection)

    with Fleet(careful, strict) as fleet, Daemon(config(fleet, "tries=2 on=error")) as weir, weir.connect() as client:
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_response(interim=True).status == 100
        client.send("hello")
        assert client.read_response(interim=True).status == 200
        assert fleet.requests()[1].body == b"hello"


# Pooled connections


def test_a_stale_connection_with_a_small_body_is_replaced():
    """PUT on a pooled connection that its origin closes as it comes: with retry the body is at hand."""

    def once(connection):
        take_body(connection)
        connection.send(OK)
        connection.read_until(b"\r\n\r\n")

    with Fleet(once, count=1) as fleet:
        with Daemon(config(fleet, "tries=2 on=http_503", admin=True)) as weir:
            for _ in range(5):
                assert weir.get(method="PUT", body=b"hello").status == 200
            assert [request.body for request in fleet.requests()] == [b"hello"] * 5
            assert counters(weir)["upstream_retries"] == 0


# Time


def test_backoff_is_waited_for_and_the_client_may_leave_meanwhile():
    """Between tries time passes; a client that goes in it ends the request: 499, no further try."""
    with Fleet(status(503), ok) as fleet:
        with Daemon(config(fleet, "tries=2 on=http_503 backoff=400ms")) as weir:
            started = time.monotonic()
            assert weir.get().status == 200
            assert time.monotonic() - started >= 0.2  # less up to a half
    with Fleet(status(503)) as fleet:
        with Daemon(config(fleet, "tries=2 on=http_503 backoff=60s", admin=True)) as weir:
            with weir.connect() as client:
                client.send_request()
                wait_until(lambda: counters(weir)["upstream_retries"] == 1, 10, "the backoff")
                client.abort()
            assert tries_of(weir, 1)[0][2] == "499"
            assert len(fleet.requests()) == 1


# The budget


def test_a_flood_of_failures_is_not_multiplied():
    """300 requests that all fail, tries=3: at most a fifth of them again, or ten a second; the rest is denied and told."""
    requests = 300
    with Fleet(status(503)) as fleet:
        with Daemon(config(fleet, "tries=3 on=http_503 budget=20%", admin=True), workers=2) as weir:
            started = time.monotonic()

            def some():
                for _ in range(requests // 6):
                    assert weir.get().status == 503

            threads = [threading.Thread(target=some) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = int(time.monotonic() - started) + 2
            again = len(fleet.requests()) - requests
            # Each of those that ask at the same moment may see the budget as it was before the others.
            assert 10 <= again <= max(requests // 5, 10 * seconds) + len(threads), (again, seconds)
            values = counters(weir)
            assert values["upstream_retries"] == again
            assert values["retries_denied"] >= requests - again
            weir.wait_log(r"\[warn\].*upstream origins: the retry budget, 20% of the requests of the last 10 s, is used")


def test_refused_connects_are_not_charged():
    """A hundred requests of which half meet a dead peer first, no budget at all: each gets its answer."""
    dead = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    with Fleet(ok, count=1) as fleet:
        with Daemon(config([*dead, fleet.origins[0].address], "tries=2 on=error budget=0%", admin=True)) as weir:
            for _ in range(100):
                assert weir.get().status == 200
            values = counters(weir)
            assert (values["upstream_retries"], values["retries_denied"]) == (0, 0)


def test_a_held_back_answer_and_the_clients_connection():
    """Ten requests on one connection, each with a first try that fails: framing never slips."""
    with Fleet(*[status(503, b"no"), ok] * 10, ok) as fleet:
        with Daemon(config(fleet, "tries=2 on=http_503 budget=100%")) as weir:
            with RawClient(weir.port("http")) as client:
                for n in range(10):
                    response = client.request(method="PUT", body=b"%d" % n)
                    assert (response.status, response.body) == (200, b"ok")
                assert [request.body for request in fleet.requests()[1::2]] == [b"%d" % n for n in range(10)]
