"""weir as a whole: the first things anybody would try."""

import os
import signal
import threading

from harness import Daemon, Echo, RawClient, ScriptedOrigin, free_port, limit, wait_until
from harness.daemon import lives

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def proxy_to(address, upstream="", server=""):
    return f"""
[upstream origin]
server = {address}
{upstream}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
{server}
"""


def test_requests_are_proxied():
    """A request reaches the origin with the forwarding fields set, and the answer comes back."""
    with ScriptedOrigin(OK) as origin, Daemon(proxy_to(origin.address)) as weir:
        with weir.connect() as client:
            for n in range(3):
                response = client.request("POST", f"/x?n={n}", [("X-Forwarded-For", "spoofed")], body="abc")
                assert (response.status, response.body) == (200, b"ok"), response
        assert len(origin.connections) == 1  # kept alive to the origin
        request = origin.requests[-1]
        assert (request.method, request.target, request.body) == ("POST", "/x?n=2", b"abc")
        assert request["X-Forwarded-For"] == "127.0.0.1" and request["X-Forwarded-Proto"] == "http"
        assert request["Host"] == "localhost"


def test_fields_named_in_connection_stay_here():
    """Fields that Connection names are not passed on."""
    with ScriptedOrigin(OK) as origin, Daemon(proxy_to(origin.address)) as weir, weir.connect() as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-One\r\nX-One: 1\r\nX-Two: 2\r\n\r\n")
        assert client.read_response().status == 200
        assert not origin.requests[0].has("X-One") and origin.requests[0]["X-Two"] == "2"


@limit(120)
def test_fail_over_never_shows():
    """With 4 of 10 ports open, 1,000 requests in a row give 1,000 times 200."""
    with Echo("--close", count=10, open=False) as echo:
        pass  # its ports are free now, and ours
    with Echo(count=4, port=echo.port + 3, open=False):
        address = f"127.0.0.1:{echo.port}-{echo.port + 9}"
        with Daemon(proxy_to(address)) as weir, weir.connect() as client:
            ports = set()
            for _ in range(1000):
                response = client.request()
                assert response.status == 200, response
                ports.add(response.json["port"])
            assert ports == set(range(echo.port + 3, echo.port + 7)), ports


@limit(120)
def test_large_bodies_cost_no_memory():
    """A 300 MB download and upload through one worker leave its memory flat."""
    with Echo("--steer") as echo:
        config = proxy_to(echo.address, server="client_max_body_size = 0")
        with Daemon(config) as weir, weir.connect(limit=60) as client:

            def memory():
                with open(f"/proc/{weir.workers()[0]}/status", encoding="ascii") as file:
                    return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

            client.request("GET", "/", [("X-Echo", "size=2m")])
            client.request("POST", "/", body=b"x" * 2_000_000)
            before = memory()
            client.send_request("GET", "/", [("X-Echo", "size=300m")])
            head, left = client.read_head(), 300 << 20
            assert head["Content-Length"] == str(left)
            while left:
                left -= len(client.read_exactly(min(left, 1 << 20)))
                client.received = b""
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {300 << 20}\r\n\r\n")
            for _ in range(300):
                client.send(b"y" * (1 << 20))
            assert client.read_response("POST").json["body"]["length"] == 300 << 20
            assert memory() - before < 4096, (before, memory())


@limit(120)
def test_reload_loses_nothing():
    """HUP under load: requests in flight finish, new ones get the new configuration, none fails."""
    with Echo("--steer") as echo:
        old = proxy_to(echo.address, server='add_header = X-Gen "1"')
        new = proxy_to(echo.address, server='add_header = X-Gen "2"')
        with Daemon(old, workers=2) as weir:
            stop, failures, seen = threading.Event(), [], set()

            def load():
                try:
                    while not stop.is_set():
                        with weir.connect() as client:
                            for _ in range(5):
                                response = client.request()
                                seen.add(response["X-Gen"])
                                if response.status != 200:
                                    failures.append(response)
                                if response.get("connection") == "close":
                                    break
                except Exception as error:
                    failures.append(repr(error))

            threads = [threading.Thread(target=load) for _ in range(4)]
            slow = weir.connect()
            slow.send_request("GET", "/slow", [("X-Echo", "delay=2s")])
            wait_until(lambda: len(weir.workers()) == 2)
            first = set(weir.workers())
            for thread in threads:
                thread.start()
            wait_until(lambda: "1" in seen)
            weir.reload(new)
            wait_until(lambda: "2" in seen)
            answer = slow.read_response()
            assert answer.status == 200 and answer["X-Gen"] == "1"
            stop.set()
            for thread in threads:
                thread.join()
            assert not failures, failures[:3]
            slow.close()
            wait_until(lambda: not any(lives(pid) for pid in first), 30, "the old workers to have gone")
            assert weir.get().get("X-Gen") == "2"


def test_wrong_configuration_changes_nothing():
    """A reload with a wrong configuration says why and leaves the running one alone."""
    with ScriptedOrigin(OK) as origin, Daemon(proxy_to(origin.address), allow=["emerg"]) as weir:
        before = weir.workers()
        weir.reload(proxy_to(origin.address, server="nonsense = 1"), ready=False)
        weir.wait_log('unknown key "nonsense"|nonsense')
        assert weir.get().status == 200 and weir.workers() == before


def test_a_killed_worker_is_replaced():
    """A worker that is killed is replaced at once, and the log says how it ended."""
    with ScriptedOrigin(OK) as origin:
        with Daemon(proxy_to(origin.address), workers=2, allow=["signal 9|SIGKILL"]) as weir:
            wait_until(lambda: len(weir.workers()) == 2)
            victim = weir.workers()[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: victim not in weir.workers() and len(weir.workers()) == 2)
            weir.wait_log("SIGKILL|signal 9")
            for _ in range(10):
                assert weir.get().status == 200


def test_nothing_listens_gives_502():
    """With no origin at all the client gets a 502 in time."""
    with Daemon(proxy_to(f"127.0.0.1:{free_port()}")) as weir, RawClient(weir.port("http")) as client:
        assert client.request().status == 502
