"""Everything has a limit: connections, time, speed, and what happens when one is reached."""

from harness import Closed, Daemon, RawClient, ScriptedOrigin, limit, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def config_for(origin, more=""):
    return f"""
[upstream origin]
server = {origin.address}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
{more}
"""


def closed(client):
    try:
        client.expect_closed()
        return True
    except Closed:
        return True


def test_the_oldest_idle_connection_makes_room():
    """Near worker_connections the longest idle connection is closed, and newcomers are served."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin), main="worker_connections = 20") as weir:
        clients = []
        for _ in range(30):
            client = weir.connect()
            assert client.request().status == 200
            clients.append(client)
        client = clients[0]
        assert closed(client) and client.received.startswith(b"HTTP/1.1 200")
        assert clients[-1].request().status == 200
        for client in clients:
            client.close()


def test_busy_connections_are_not_closed_for_newcomers():
    """At the limit with every connection busy, newcomers wait in the queue and are served when somebody leaves."""
    def slow(connection):
        connection.read_request()
        connection.read_to_end()

    with ScriptedOrigin(slow) as origin, Daemon(config_for(origin), main="worker_connections = 20") as weir:
        busy = [weir.connect() for _ in range(19)]
        for client in busy:
            client.send_request()
        wait_until(lambda: len(origin.requests) == 19, 10, "19 requests at the origin")
        waiting = weir.connect()
        waiting.send_request()
        later = weir.connect()
        later.send_request()
        weir.wait_log("worker_connections are not enough")
        for client in busy:
            client.abort()
        wait_until(lambda: len(origin.requests) == 21, 10, "those in the queue to be served")
        waiting.abort()
        later.abort()


def test_slow_heads_are_cut_off_together():
    """A hundred clients that drip their heads are all gone at client_header_timeout, whatever they drip."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin, "client_header_timeout = 1s")) as weir:
        clients = [weir.connect() for _ in range(100)]
        for client in clients:
            client.send("GET / HTTP/1.1\r\n")
        for client in clients[::2]:
            client.send("X-Drip: 1\r\n")
        assert weir.get("/").status == 200
        for client in clients:
            assert client.read_response().status == 408
            client.expect_closed()


def test_a_reader_that_stands_still_is_dropped():
    """A client that takes nothing for send_timeout loses its connection, and the origin its work."""
    def endless(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.send(b"x" * 65536)
        except OSError:
            connection.gone = True

    with ScriptedOrigin(endless) as origin, Daemon(config_for(origin, "send_timeout = 500ms")) as weir:
        client = weir.connect()
        client.send_request()
        wait_until(lambda: origin.connections and getattr(origin.connections[0], "gone", False), 20,
                   "the origin to be let go")
        client.close()


def test_a_body_that_stands_still():
    """A client that sends no more of its body gets a 408 after client_body_timeout."""
    with ScriptedOrigin(lambda connection: connection.read_request()) as origin:
        with Daemon(config_for(origin, "client_body_timeout = 500ms")) as weir, weir.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
            assert client.read_response("POST").status == 408
            client.expect_closed()


def test_keepalive_limits():
    """keepalive_requests ends a connection with Connection: close, keepalive_timeout without a word."""
    more = "keepalive_requests = 3\nkeepalive_timeout = 500ms"
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin, more)) as weir:
        with weir.connect() as client:
            assert [client.request().get("Connection") for _ in range(3)] == [None, None, "close"]
            client.expect_closed()
        with weir.connect() as client:
            assert client.request().status == 200
            client.expect_closed()


@limit(90)
def test_memory_is_flat_for_any_size():
    """A gigabyte down and 300 MB up cost the worker no more memory than a small answer."""
    block = b"z" * (1 << 20)

    def answer(connection):
        request = connection.read_request(body=False)
        if request.method == "GET":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1000 << 20))
            for _ in range(1000):
                connection.send(block)
            return
        left = int(request["Content-Length"])
        left -= len(connection.take(left))
        while left:
            got = len(connection.sock.recv(min(left, 1 << 20)))
            if not got:
                return
            left -= got
        connection.send(OK)

    def script(connection):
        while True:  # an origin that closed here would reset a large body that weir had begun to send on a kept connection
            answer(connection)

    def peak(pid):
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin, "client_max_body_size = 0")) as weir:
        worker = weir.workers()[0]
        with RawClient(weir.port("http"), limit=60) as client:
            client.send_request("PUT", "/", [("Content-Length", "1")])
            client.send("x")
            client.read_response("PUT")
        before = peak(worker)
        with RawClient(weir.port("http"), limit=60) as client:
            client.send_request()
            client.read_until(b"\r\n\r\n")
            left = (1000 << 20) - len(client.take(1 << 30))
            while left:
                got = len(client.sock.recv(1 << 20))
                assert got > 0
                left -= got
        with RawClient(weir.port("http"), limit=60) as client:
            client.send_request("PUT", "/", [("Content-Length", str(300 << 20))])
            for _ in range(300):
                client.send(block)
            assert client.read_response("PUT").status == 200
        assert peak(worker) - before < 3000, (before, peak(worker))


TLS = """
[upstream origin]
server = {address}
[server web]
listen = 127.0.0.1:@https@ ssl
ssl_certificate = auto
upstream = origin
client_max_body_size = 0
{more}
"""


def test_unfinished_handshakes_are_bounded():
    """More handshakes than ssl_handshakes_max: the oldest unfinished ones go, and who speaks is served."""
    with ScriptedOrigin(OK) as origin:
        config = TLS.format(address=origin.address, more="")
        with Daemon(config, main="ssl_handshakes_max = 5") as weir:
            silent = [weir.connect("https") for _ in range(20)]
            assert weir.get("/", name="https", tls=True).status == 200
            for client in silent[:14]:
                assert closed(client)
            for client in silent:
                client.close()


def test_a_handshake_has_its_time():
    """A client that never finishes its handshake is closed after ssl_handshake_timeout."""
    with ScriptedOrigin(OK) as origin:
        config = TLS.format(address=origin.address, more="ssl_handshake_timeout = 500ms")
        with Daemon(config) as weir, weir.connect("https") as client:
            client.send(b"\x16\x03\x01")
            assert closed(client)


def test_bodies_over_tls():
    """Bodies of many sizes go through TLS both ways unharmed, on one connection."""
    def script(connection):
        while True:
            request = connection.read_request()
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            body = b"%x\r\n%s\r\n" % (len(request.body), request.body) if request.body else b""
            connection.send(head + body + b"0\r\n\r\n")

    with ScriptedOrigin(script) as origin, Daemon(TLS.format(address=origin.address, more="")) as weir:
        with weir.connect("https", tls=True, limit=30) as client:
            for size in (0, 1, 16383, 16384, 16385, 70000, 1000003):
                body = bytes(i * 7 % 251 for i in range(size))
                response = client.request("POST", body=body)
                assert (response.status, response.body == body) == (200, True), size
