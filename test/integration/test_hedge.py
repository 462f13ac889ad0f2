"""A second peer is asked when the first is late: hedge = after pN."""

import threading
import time

from harness import Daemon, TimedOut, wait_until
from harness.fleet import OK, Fleet, counters, ok


def config(fleet, hedge, other=None):
    def upstream(name, origins):
        servers = "\n".join(f"server = {origin.address} max_fails=0" for origin in origins)
        return f"""
[upstream {name}]
{servers}
hedge = {hedge}
[server {name}]
listen = 127.0.0.1:@{name}@
upstream = {name}
debug_headers = on
"""

    return f"""
[admin]
listen = 127.0.0.1:@admin@
{upstream("http", fleet.origins)}
{upstream("other", other.origins) if other else ""}
"""


class Trial:
    """Origins that play `script`; one request after arm() takes a moment, and then is answered all the same."""

    def __init__(self, script=ok):
        self.script, self.armed = script, threading.Event()

    def __call__(self, connection):
        if self.armed.is_set():
            self.armed.clear()
            time.sleep(0.3)  # the origin's pace
            return ok(connection)
        return self.script(connection)

    def learn(self, client):
        """Quick answers until so much is known of them that a slow one, now and then, is not waited for."""

        def hedged():
            for _ in range(150):
                assert client.request().status == 200
            self.armed.set()
            response = client.request()
            assert response.status == 200
            return response["X-Retry-Count"] == "1"

        wait_until(hedged, 30, "a hedge")


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

    trial = Trial(maybe)
    with Fleet(trial) as fleet:
        with Daemon(config(fleet, "after p95")) as weir, weir.connect() as client:
            trial.learn(client)
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

    trial = Trial(maybe)
    with Fleet(trial) as fleet:
        with Daemon(config(fleet, "after p95")) as weir, weir.connect() as client:
            trial.learn(client)
            for method, body in (("POST", None), ("POST", b"x"), ("GET", b"x"), ("OPTIONS", None)):
                requests = len(fleet.requests())
                slow.set()
                response = client.request(method=method, body=body)
                assert (response.status, response["X-Retry-Count"]) == (200, "0")
                assert len(fleet.requests()) == requests + 1


def test_too_few_answers_say_nothing():
    """With fewer than 100 answers known nothing is hedged, while the group beside it, with more, has learnt enough."""
    slow = threading.Event()

    def maybe(connection):
        if slow.is_set():
            time.sleep(0.5)  # the origin's pace
        return ok(connection)

    other = Trial()
    with Fleet(maybe) as fleet, Fleet(other) as many:
        with Daemon(config(fleet, "after p50", many)) as weir, weir.connect() as client:
            for _ in range(60):
                assert client.request().status == 200
            with weir.connect("other") as beside:
                other.learn(beside)
            slow.set()
            hedges = counters(weir)["upstream_hedges"]
            assert client.request()["X-Retry-Count"] == "0"
            assert counters(weir)["upstream_hedges"] == hedges


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

    trial = Trial(maybe)
    with Fleet(trial) as fleet:
        with Daemon(config(fleet, "after p95")) as weir, weir.connect() as client:
            trial.learn(client)
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

    trial = Trial(maybe)
    with Fleet(trial) as fleet:
        with Daemon(config(fleet, "after p50")) as weir:
            with weir.connect() as client:
                trial.learn(client)
            slow.set()
            before, sent = counters(weir)["upstream_hedges"], len(fleet.requests())
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
            assert before < hedges <= before + max((sent + 100) // 5, 10 * seconds), (before, sent, hedges)
            assert values["retries_denied"] >= 100 - hedges
