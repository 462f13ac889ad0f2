"""A second peer is asked when the first is late: hedge = after pN."""

import threading
import time

from harness import Daemon, TimedOut, wait_until
from harness.fleet import OK, Fleet, counters, ok


def config(fleet, hedge):
    servers = "\n".join(f"server = {origin.address} max_fails=0" for origin in fleet.origins)
    return f"""
[admin]
listen = 127.0.0.1:@admin@
[upstream origins]
{servers}
hedge = {hedge}
[server web]
listen = 127.0.0.1:@http@
upstream = origins
debug_headers = on
"""


def learn(client):
    """Enough quick answers; what is known of them is looked up once a second."""
    for _ in range(150):
        assert client.request().status == 200
    time.sleep(1.1)
    assert client.request().status == 200


def late(connection):
    """Says nothing for a while; true: it was waited for after all."""
    try:
        return connection.fill(5)  # nothing: weir has ended the connection
    except TimedOut:
        connection.send(OK)
        return True


def test_a_late_answer_is_asked_for_at_a_second_peer():
    """After 100 answers that were quick, one that is not: the other peer's answer comes, the slow one is cancelled."""
    slow = threading.Event()

    def maybe(connection):
        if slow.is_set():
            slow.clear()  # one of them
            return late(connection)
        return ok(connection)

    with Fleet(maybe) as fleet:
        with Daemon(config(fleet, "after p95")) as weir, weir.connect() as client:
            learn(client)
            hedges, requests = counters(weir)["upstream_hedges"], len(fleet.requests())
            slow.set()
            response = client.request()
            assert (response.status, response["X-Retry-Count"]) == (200, "1")
            assert counters(weir)["upstream_hedges"] == hedges + 1
            wait_until(fleet.order[requests][0].finished, 10, "the slow request to be cancelled")
            ports = fleet.ports()[requests:]
            assert len(ports) == 2 and ports[0] != ports[1]
            assert client.request().status == 200


def test_what_is_never_asked_twice():
    """A POST, and a GET with a body, however late: one peer gets them, once."""
    slow = threading.Event()

    def maybe(connection):
        if slow.is_set():
            slow.clear()
            time.sleep(0.5)  # the origin's pace
        return ok(connection)

    with Fleet(maybe) as fleet:
        with Daemon(config(fleet, "after p95")) as weir, weir.connect() as client:
            learn(client)
            for method, body in (("POST", None), ("POST", b"x"), ("GET", b"x"), ("OPTIONS", None)):
                requests = len(fleet.requests())
                slow.set()
                response = client.request(method=method, body=body)
                assert (response.status, response["X-Retry-Count"]) == (200, "0")
                assert len(fleet.requests()) == requests + 1


def test_too_few_answers_say_nothing():
    """With fewer than 100 answers known nothing is hedged."""
    slow = threading.Event()

    def maybe(connection):
        if slow.is_set():
            time.sleep(0.5)  # the origin's pace
        return ok(connection)

    with Fleet(maybe) as fleet:
        with Daemon(config(fleet, "after p50")) as weir, weir.connect() as client:
            for _ in range(60):
                assert client.request().status == 200
            time.sleep(1.1)  # as long as learn() waits
            slow.set()
            assert client.request()["X-Retry-Count"] == "0"
            assert counters(weir)["upstream_hedges"] == 0


def test_a_hedge_whose_first_peer_answers_after_all():
    """The first head wins, whoever gives it; a second peer that fails is no failure of the request."""
    slow = threading.Event()
    lock = threading.Lock()
    asked = []

    def maybe(connection):
        with lock:
            turn = len(asked) if slow.is_set() else None
            if turn is not None:
                asked.append(connection)
        if turn is None:
            return ok(connection)
        if turn == 0:  # waits until the second one has failed
            wait_until(lambda: len(asked) > 1 and asked[1].finished(), 8, "the second peer to fail")
            slow.clear()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
            return True
        connection.abort()
        return False

    with Fleet(maybe) as fleet:
        with Daemon(config(fleet, "after p95")) as weir, weir.connect() as client:
            learn(client)
            slow.set()
            response = client.request()
            assert (response.status, response.body, response["X-Retry-Count"]) == (200, b"first", "1")
            assert client.request().status == 200


def test_hedges_come_out_of_the_budget():
    """Everything is slow: no more than the budget is asked twice."""
    slow = threading.Event()
    answers = []

    def maybe(connection):
        if slow.is_set():
            time.sleep(0.3)  # the origin's pace
        return ok(connection)

    with Fleet(maybe) as fleet:
        with Daemon(config(fleet, "after p50")) as weir:
            with weir.connect() as client:
                learn(client)
            slow.set()
            before = counters(weir)["upstream_hedges"]
            started = time.monotonic()
            threads = [threading.Thread(target=lambda: answers.append(weir.get().status)) for _ in range(100)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seconds = int(time.monotonic() - started) + 2
            assert answers == [200] * 100
            values = counters(weir)
            hedges = values["upstream_hedges"]
            assert before < hedges <= max((151 + 100) // 5, 10 * seconds), hedges
            assert values["retries_denied"] >= 100 - hedges
