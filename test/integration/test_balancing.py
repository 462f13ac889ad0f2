"""Which peer gets a request: every way to choose, limits over all workers, the queue, clients that stay with a peer."""

import contextlib
import os
import signal
import threading

from harness import Closed, Daemon, RawClient, ScriptedOrigin, TimedOut, limit, wait_until


def answer(body, *fields):
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def config(servers, upstream=""):
    lines = "\n".join(f"server = {server}" for server in servers)
    return f"""
[upstream origin]
{lines}
{upstream}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
"""


@contextlib.contextmanager
def origins(count, *fields):
    """Origins whose answers are their number."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(ScriptedOrigin(answer(str(number), *fields))) for number in range(count)]


class Held:
    """An origin that answers when it is let to."""

    def __init__(self):
        self.gate = threading.Event()
        self.origin = ScriptedOrigin(self._serve)

    def _serve(self, connection):
        while True:
            connection.read_request()
            self.gate.wait(30)
            connection.send(answer("held"))

    def __enter__(self):
        self.origin.__enter__()
        return self

    def __exit__(self, *what):
        self.gate.set()
        return self.origin.__exit__(*what)


# Ways to choose


def test_every_way_to_choose_uses_peers_that_serve():
    """Each value of balance, over two workers: all requests are answered, also when a peer has gone."""
    ways = [
        "round_robin",
        "least_conn",
        "random two",
        "hash key=$arg_k",
        "hash key=$arg_k bounded_load=1.25",
        "ip_hash",
        "first",
        "least_time",
        "least_load",
    ]
    with origins(3) as servers:
        addresses = [server.address for server in servers]
        with Daemon(config(addresses, f"balance = {ways[0]}"), workers=2) as weir:
            for way in ways:
                weir.reload(config(addresses, f"balance = {way}"))
                seen = {weir.get(f"/?k={number}").body for number in range(30)}
                if way in ("ip_hash", "first"):
                    assert len(seen) == 1, (way, seen)
                elif way == "least_time":
                    # Who answered late once is left alone until that is forgotten, and no longer.
                    wait_until(lambda: seen.add(weir.get("/").body) or len(seen) == 3, 60, "each peer to be asked")
                else:
                    assert len(seen) == 3, (way, seen)
            servers[1].stop()
            for way in ways:
                weir.reload(config(addresses, f"balance = {way}"))
                seen = {weir.get(f"/?k={number}").body for number in range(30)}
                assert b"1" not in seen, (way, seen)


def test_a_key_has_one_peer_in_all_workers_and_after_a_restart():
    """hash: the same key goes to the same peer, whoever serves it, whenever."""
    with origins(4) as servers:
        text = config([server.address for server in servers], "balance = hash key=$arg_k")
        maps = []
        for _ in range(2):
            with Daemon(text, workers=3) as weir:
                seen = {key: {weir.get(f"/?k={key}").body for _ in range(6)} for key in "abcdefghij"}
                maps.append({key: bodies for key, bodies in seen.items()})
        assert all(len(bodies) == 1 for bodies in maps[0].values()), maps[0]
        assert maps[0] == maps[1]
        assert len(set().union(*maps[0].values())) > 1


def test_shares_are_as_the_weights():
    """weight, backup and down: 300 requests over one worker."""
    with origins(4) as servers:
        lines = [
            f"{servers[0].address} weight=2",
            servers[1].address,
            f"{servers[2].address} backup",
            f"{servers[3].address} down",
        ]
        with Daemon(config(lines)) as weir:
            for _ in range(300):
                weir.get()
            assert [len(server.requests) for server in servers] == [200, 100, 0, 0]
            servers[0].stop()
            servers[1].stop()
            assert weir.get().body == b"2"


# max_conns


@limit(120)
def test_max_conns_is_exact_over_all_workers():
    """Three workers: while max_conns requests are at the origin all others get 503, and under load it is never more."""
    lock, now, most = threading.Lock(), [0], [0]
    gate = threading.Event()

    def serve(connection):
        while True:
            connection.read_request()
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            gate.wait(30)
            with lock:
                now[0] -= 1
            connection.send(answer("ok"))

    with ScriptedOrigin(serve) as origin:
        text = config([f"{origin.address} max_conns=4"])
        with Daemon(text, workers=3, allow=[r"max_conns"]) as weir:
            with contextlib.ExitStack() as stack:
                held = [stack.enter_context(weir.connect()) for _ in range(4)]
                for client in held:
                    client.send_request()
                origin.wait_requests(4)
                assert [weir.get().status for _ in range(12)] == [503] * 12
                gate.set()
                assert [client.read_response().status for client in held] == [200] * 4
            statuses = []

            def client():
                for _ in range(25):
                    status = weir.get().status
                    with lock:
                        statuses.append(status)

            threads = [threading.Thread(target=client) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert set(statuses) <= {200, 503} and 200 in statuses, set(statuses)
            assert len(statuses) == 400
            assert most[0] == 4, most[0]
            wait_until(lambda: weir.get().status == 200, 10, "room at the peer")


@limit(120)
def test_killed_workers_leave_nothing_in_flight():
    """max_conns is full, all workers are killed: their successors have the whole of it again."""
    with Held() as held:
        text = config([f"{held.origin.address} max_conns=3"])
        with Daemon(text, workers=2, allow=[r"from outside", r"max_conns"]) as weir:
            for round_number in range(1, 3):
                clients = [weir.connect() for _ in range(3)]
                for number, client in enumerate(clients):
                    client.send_request()
                    held.origin.wait_requests(3 * (round_number - 1) + number + 1)
                assert weir.get().status == 503
                victims = set(weir.workers())
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                for client in clients:
                    with contextlib.suppress(Closed, ConnectionError):
                        client.read_to_end()
                    client.close()
                wait_until(lambda: len(weir.workers()) == 2 and not victims & set(weir.workers()), 10, "new workers")
            held.gate.set()
            wait_until(lambda: weir.get().status == 200, 10, "room at the peer")


# The queue


def turned_away(weir):
    """The 503 of a full queue; None, and out of the queue again, where there was still a place."""
    with RawClient(weir.port("http"), limit=1.0) as client:
        client.send_request(target="/refused")
        try:
            response = client.read_response()
        except TimedOut:
            client.abort()
            return None
    assert response.status == 503, response
    return response


def queue_config(held, queue):
    return config([f"{held.origin.address} max_conns=1"], f"queue = {queue}")


def test_requests_wait_for_a_busy_peer():
    """Who finds every peer busy waits in turn; who finds the queue full gets 503 with Retry-After at once."""
    with Held() as held, Daemon(queue_config(held, "2 timeout=30s"), allow=[r"max_conns"]) as weir:
        clients = [weir.connect() for _ in range(3)]
        clients[0].send_request(target="/0")
        held.origin.wait_requests(1)
        for number in (1, 2):
            clients[number].send_request(target=f"/{number}")
        # The two wait once a fourth is turned away.
        refused = wait_until(lambda: turned_away(weir), 10, "a full queue")
        assert refused.get("Retry-After"), refused.head
        held.gate.set()
        assert [client.read_response().body for client in clients] == [b"held"] * 3
        assert [request.target for request in held.origin.requests][0] == "/0"
        assert {request.target for request in held.origin.requests} >= {"/0", "/1", "/2"}
        for client in clients:
            client.close()


def test_a_client_that_leaves_the_queue_makes_room():
    """A reset while waiting: the place is free, and the peer never hears of the request."""
    with Held() as held, Daemon(queue_config(held, "1 timeout=30s"), allow=[r"max_conns"]) as weir:
        first, second = weir.connect(), weir.connect()
        first.send_request(target="/first")
        held.origin.wait_requests(1)
        second.send_request(target="/second")
        wait_until(lambda: turned_away(weir), 10, "a full queue")
        second.abort()
        held.gate.set()
        assert first.read_response().status == 200
        assert weir.get("/third").status == 200
        first.close()
        assert "/second" not in [request.target for request in held.origin.requests]


def test_waiting_has_an_end():
    """timeout of the queue: 503 with Retry-After, while the peer is still busy."""
    with Held() as held, Daemon(queue_config(held, "5 timeout=100ms"), allow=[r"max_conns"]) as weir:
        with weir.connect() as first:
            first.send_request()
            held.origin.wait_requests(1)
            response = weir.get()
            assert response.status == 503
            assert response.get("Retry-After")
            held.gate.set()
            assert first.read_response().status == 200


def test_a_reload_lets_the_queue_finish():
    """Requests that wait in the old generation get their peer after the switch."""
    with Held() as held, Daemon(queue_config(held, "1 timeout=30s"), allow=[r"max_conns"]) as weir:
        first, second = weir.connect(), weir.connect()
        first.send_request()
        held.origin.wait_requests(1)
        second.send_request()
        wait_until(lambda: turned_away(weir), 10, "a full queue")
        weir.reload()
        held.gate.set()
        assert first.read_response().status == 200
        assert second.read_response().status == 200


# Clients that stay


def cookie_of(response):
    return response["Set-Cookie"].split(";")[0]


def test_a_cookie_keeps_a_client_at_its_peer():
    """sticky = cookie: over two workers, a reload, and a peer that goes; then the cookie follows."""
    with origins(4) as servers:
        text = config(
            [server.address for server in servers],
            "sticky = cookie srv expires=1h path=/ domain=example.com httponly secure samesite=lax",
        )
        with Daemon(text, workers=2, allow=[r"left alone"]) as weir:
            first = weir.get()
            said = first["Set-Cookie"]
            for attribute in ("Path=/", "Domain=example.com", "Max-Age=3600", "HttpOnly", "Secure", "SameSite=Lax"):
                assert attribute in said.split("; "), said
            cookie = cookie_of(first)
            assert servers[int(first.body)].address not in said
            for number in range(20):
                if number == 10:
                    weir.reload()
                response = weir.get(fields=[("Cookie", f"a=b; {cookie}")])
                assert response.body == first.body
                assert not response.has("Set-Cookie"), response.head
            forged = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
            assert weir.get(fields=[("Cookie", forged)]).has("Set-Cookie")
            servers[int(first.body)].stop()
            moved = weir.get(fields=[("Cookie", cookie)])
            assert moved.status == 200 and moved.body != first.body
            followed = cookie_of(moved)
            assert followed != cookie
            for _ in range(10):
                assert weir.get(fields=[("Cookie", followed)]).body == moved.body


def test_one_secret_makes_the_same_cookies_everywhere():
    """secret = FILE: another instance knows the cookie; without it none does."""
    with origins(5) as servers:
        addresses = [server.address for server in servers]
        for secret, known in (("secret=key", True), ("", False)):
            text = config(addresses, f"sticky = cookie srv {secret}")
            files = {"conf/key": "0123456789abcdef0123456789abcdef", "key": "0123456789abcdef0123456789abcdef"}
            with Daemon(text, files=files) as one, Daemon(text, files=files) as other:
                first = one.get()
                responses = [other.get(fields=[("Cookie", cookie_of(first))]) for _ in range(5)]
                assert all(response.has("Set-Cookie") != known for response in responses)
                if known:
                    assert {response.body for response in responses} == {first.body}


def test_a_drained_peer_keeps_its_clients():
    """drain: who is bound stays, nobody else comes."""
    with origins(3) as servers:
        addresses = [server.address for server in servers]
        with Daemon(config(addresses, "sticky = cookie srv"), workers=2) as weir:
            first = weir.get()
            number = int(first.body)
            lines = [f"{address} drain" if at == number else address for at, address in enumerate(addresses)]
            weir.reload(config(lines, "sticky = cookie srv"))
            for _ in range(6):
                assert weir.get(fields=[("Cookie", cookie_of(first))]).body == first.body
                assert weir.get().body != first.body


def test_a_field_keeps_a_client_at_its_peer():
    """sticky = header: one peer for a value, over all workers; those without the field go anywhere."""
    with origins(4) as servers:
        text = config([server.address for server in servers], "sticky = header X-User")
        with Daemon(text, workers=3) as weir:
            peers = {}
            for user in "abcdefghijkl":
                bodies = {weir.get(fields=[("X-User", user)]).body for _ in range(5)}
                assert len(bodies) == 1, bodies
                peers[user] = bodies.pop()
            assert len(set(peers.values())) > 1
            assert len({weir.get().body for _ in range(40)}) == 4


def test_sessions_of_the_origin_are_learned():
    """sticky = learn: the session that a peer names in a cookie or a field goes back to it, through any worker."""
    for kind, said, brought in (
        ("cookie SID", "Set-Cookie: SID=s{}; Path=/", lambda n: ("Cookie", f"x=1; SID=s{n}")),
        ("header X-Session", "X-Session: s{}", lambda n: ("X-Session", f"s{n}")),
    ):
        with contextlib.ExitStack() as stack:
            servers = [
                stack.enter_context(ScriptedOrigin(answer(str(number), said.format(number)))) for number in range(4)
            ]
            text = config([server.address for server in servers], f"sticky = learn {kind}")
            weir = stack.enter_context(Daemon(text, workers=3, allow=[r"left alone"]))
            seen = set()
            while len(seen) < 4:
                seen.add(int(weir.get().body))
            for number in range(4):
                for at in range(8):
                    if number == 2 and at == 4:
                        weir.reload()
                    assert int(weir.get(fields=[brought(number)]).body) == number
            servers[3].stop()
            assert weir.get(fields=[brought(3)]).status == 200
