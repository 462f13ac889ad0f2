"""HTTP/1.1 proxying: messages of every shape in both directions, over real sockets."""

import hashlib

from harness import Closed, Daemon, Failure, ScriptedOrigin, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def config_for(origin, more="", locations=""):
    return f"""
[upstream origin]
server = {origin.address}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
{more}
{locations}
"""


def test_a_request_and_its_answer():
    """A request reaches the origin and the answer comes back, connections are kept on both sides."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        for _ in range(3):
            response = client.request("GET", "/a?b=c", [("X-A", "1")])
            assert (response.status, response.body) == (200, b"ok")
        request = origin.requests[0]
        assert (request.method, request.target, request.get("X-A")) == ("GET", "/a?b=c", "1")
        assert request["Host"] == "localhost"
        assert len(origin.connections) == 1
        assert response["Via"] == "1.1 weir"


def test_bodies_keep_their_length_or_are_chunked():
    """A body of known length keeps it, another is chunked to 1.1 clients and ends with the connection for 1.0."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
    with ScriptedOrigin(chunked) as origin, Daemon(config_for(origin)) as weir:
        response = weir.get("/")
        assert response.body == b"hello world" and response["Transfer-Encoding"] == "chunked"
        with weir.connect() as client:
            client.send("GET / HTTP/1.0\r\n\r\n")
            response = client.read_response()
            assert response.until_close and response.body == b"hello world"
            assert not response.has("Transfer-Encoding")


def test_head_204_304_have_no_body():
    """HEAD keeps the stated length, 204 and 304 end with their head, and the connection goes on."""

    def script(connection):
        for head in (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n",
                     b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n"):
            connection.read_request()
            connection.send(head)
        connection.read_request()
        connection.send(OK)

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        assert client.request("HEAD")["Content-Length"] == "1000"
        assert client.request().status == 204
        assert client.request().status == 304
        assert client.request().body == b"ok"


def test_until_close_answer_of_an_old_origin():
    """A close-delimited answer is whole only when the origin closes, and is chunked for the client."""

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\npart one, ")
        connection.send(b"part two")

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        assert client.request().body == b"part one, part two"
        assert client.request().body == b"part one, part two"


def test_interim_answers():
    """103 passes, 100 does not when nobody waits for it, and HTTP/1.0 clients get none."""
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    with ScriptedOrigin(answer) as origin, Daemon(config_for(origin)) as weir:
        with weir.connect() as client:
            client.send_request()
            first = client.read_response(interim=True)
            assert (first.status, first["Link"]) == (103, "</a>")
            assert client.read_response(interim=True).status == 200
        with weir.connect() as client:
            client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            assert client.read_response(interim=True).status == 200


def test_trailers_only_when_asked_for():
    """Trailers come with TE: trailers, allowed names only; without it they are dropped."""
    answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
              b"X-Sum: 1\r\nContent-Length: 9\r\n\r\n")
    with ScriptedOrigin(answer) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        response = client.request(fields=[("TE", "trailers"), ("Connection", "TE")])
        assert response.trailers == [("X-Sum", "1")], response.trailers
        assert client.request().trailers == []


def test_expect_100_continue():
    """The origin's 100 is passed on and the body follows; a refusal without it closes."""

    def script(connection):
        connection.read_request(body=False)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.read_exactly(4) == b"body"
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")  # not to be reused

    def refuses(connection):
        connection.read_request(body=False)
        connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with ScriptedOrigin([script, refuses]) as origin, Daemon(config_for(origin)) as weir:
        with weir.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            assert client.read_response("POST", interim=True).status == 100
            client.send("body")
            assert client.read_response("POST").status == 200
        with weir.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            response = client.read_response("POST", interim=True)
            assert response.status == 403 and response["Connection"] == "close"
            client.expect_closed()


def test_pipelined_requests():
    """Pipelined requests are answered in order, one at a time, bodies and all."""

    def script(connection):
        for _ in range(30):
            request = connection.read_request()
            text = request.target.encode() + b" " + request.body
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send(b"".join(b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nb%02d" % (i, i) for i in range(30)))
        for i in range(30):
            assert client.read_response("POST").body == b"/%d b%02d" % (i, i)


def test_half_closed_client_gets_its_answer():
    """A client that ends its direction after the request gets the whole answer."""

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000)

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.shutdown_write()
        assert len(client.read_response().body) == 300000
        client.expect_closed()


def test_early_answer_while_the_body_uploads():
    """A final answer before the body is complete reaches the client at once."""

    def script(connection):
        connection.read_request(body=False)
        connection.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning")
        response = client.read_response("POST")
        assert (response.status, response.body, response["Connection"]) == (413, b"big", "close")


def test_absolute_form():
    """An absolute-form target is routed by its own authority and reaches the origin as a path."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send("GET http://Example.COM:80/x HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert client.read_response().status == 200
        assert (origin.requests[0].target, origin.requests[0]["Host"]) == ("/x", "example.com")


def test_cut_short_answers_are_never_whole():
    """An origin that closes or resets inside its answer: the client sees an abort, never a clean end."""
    heads = [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
             b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30\r\nabc"]
    for reset in (False, True):
        for head in heads:
            def script(connection):
                connection.read_request()
                connection.send(head)
                if reset:
                    connection.abort()

            with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
                client.send_request()
                try:
                    response = client.read_response()
                except (Closed, ConnectionError):
                    continue
                if response.status == 200:
                    raise Failure(f"taken for whole: {head!r}")


def test_malformed_answers_are_502():
    """What is not an HTTP answer that we accept is a 502, and its connection is not used again."""
    for bad in (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"nonsense\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"):
        with ScriptedOrigin(bad) as origin, Daemon(config_for(origin)) as weir:
            response = weir.get("/")
            assert response.status == 502, (bad, response)
            assert b"weir" not in response.body and str(origin.port).encode() not in response.body


def test_large_bodies_both_ways_are_intact():
    """10 MB up and down arrive intact, with a slow reader on the other end of each."""
    block = bytes(range(256)) * 256
    count = 160

    def script(connection):
        request = connection.read_request(body=False)
        digest, left = hashlib.sha256(), int(request["Content-Length"])
        while left:
            data = connection.read_exactly(min(left, 65536))
            digest.update(data)
            left -= len(data)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Sum: " + digest.hexdigest().encode() + b"\r\n\r\n")
        for _ in range(count):
            connection.send(b"%x\r\n" % len(block) + block + b"\r\n")
        connection.send(b"0\r\n\r\n")

    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(block)
    with ScriptedOrigin(script) as origin, Daemon(config_for(origin, "client_max_body_size = 0")) as weir:
        with weir.connect(limit=60) as client:
            client.send(f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(block) * count}\r\n\r\n")
            for _ in range(count):
                client.send(block)
            response = client.read_response("PUT")
            assert response["X-Sum"] == expected.hexdigest()
            assert hashlib.sha256(response.body).hexdigest() == expected.hexdigest()


def test_a_body_over_the_limit():
    """413 before a byte is read for a known length, and while it comes for a chunked one."""

    def script(connection):
        connection.read_request()
        connection.send(OK)

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin, "client_max_body_size = 1000")) as weir:
        with weir.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n")
            assert client.read_response("POST").status == 413
        assert not origin.requests
        with weir.connect() as client:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(b"200\r\n" + b"x" * 512 + b"\r\n" + b"200\r\n" + b"x" * 512 + b"\r\n0\r\n\r\n")
            response = client.read_response("POST")
            assert (response.status, response["Connection"]) == (413, "close")
        assert client and weir.get("/", method="POST", body=b"x" * 1000).status == 200


def test_connect_fails_over():
    """Dead peers are passed over, each tried once; all dead is a 502."""
    with ScriptedOrigin(OK) as origin:
        config = f"""
[upstream origin]
server = 127.0.0.1:@dead1@
server = 127.0.0.1:@dead2@
server = {origin.address}
[upstream dead]
server = 127.0.0.1:@dead1@
server = 127.0.0.1:@dead2@
[server web]
listen = 127.0.0.1:@http@
upstream = origin
[location dead]
server = web
path = /dead
upstream = dead
"""
        with Daemon(config) as weir, weir.connect() as client:
            for _ in range(50):
                assert client.request().status == 200
            assert client.request("GET", "/dead").status == 502


def test_a_pooled_connection_that_died_is_retried():
    """GET on a kept connection that the origin has closed is sent again, unseen by the client."""

    def once(connection):
        connection.read_request()
        connection.send(OK)
        connection.read_request()  # reads the second request and closes without a byte

    with ScriptedOrigin([once, OK]) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        assert client.request().status == 200
        assert client.request().status == 200
        assert len(origin.connections) == 2
    with ScriptedOrigin([once, OK]) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        assert client.request().status == 200
        assert client.request("POST", body=b"x").status == 502  # not ours to repeat


def test_websocket_tunnel():
    """After a matching 101 bytes pass both ways, half-closes too."""

    def script(connection):
        request = connection.read_request()
        assert request["Upgrade"] == "websocket" and request["Connection"].lower() == "upgrade"
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst")
        assert connection.read_exactly(4) == b"ping"
        connection.send(b"pong")
        connection.read_to_end()
        connection.send(b"after your end")

    with ScriptedOrigin(script) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        head = client.read_head()
        assert head.status == 101 and head["Upgrade"].lower() == "websocket"
        assert client.read_exactly(5) == b"first"
        client.send("ping")
        assert client.read_exactly(4) == b"pong"
        client.shutdown_write()
        assert client.read_to_end() == b"after your end"


def test_no_tunnel_without_a_matching_101():
    """An answer other than 101 to an upgrade request keeps HTTP's framing; an unoffered 101 is a 502."""
    with ScriptedOrigin(OK) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        for _ in range(2):
            client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            assert client.read_response().body == b"ok"
    other = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    with ScriptedOrigin(other) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert client.read_response().status == 502


def test_timeouts():
    """A silent origin is a 504, a client that sends half a head a 408, one that sends nothing is closed."""

    def silent(connection):
        connection.read_request()
        connection.read_to_end()

    with ScriptedOrigin(silent) as origin:
        more = "proxy_read_timeout = 300ms\nclient_header_timeout = 300ms\nclient_body_timeout = 300ms"
        with Daemon(config_for(origin, more)) as weir:
            assert weir.get("/").status == 504
            with weir.connect() as client:
                client.send("GET / HTTP/1.1\r\nHos")
                assert client.read_response().status == 408
                client.expect_closed()
            with weir.connect() as client:
                client.expect_closed()
                assert client.received == b""
            with weir.connect() as client:
                client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                assert client.read_response("POST").status in (408, 504)


def test_client_that_leaves_cancels_the_origin():
    """When the client resets, the request to the origin is given up."""

    def slow(connection):
        connection.read_request()
        connection.read_to_end()

    with ScriptedOrigin(slow) as origin, Daemon(config_for(origin)) as weir:
        client = weir.connect()
        client.send_request()
        origin.wait_requests(1)
        client.abort()
        wait_until(lambda: origin.connections[0].finished(), 10, "the origin's connection to end")


def echo_tunnel(connection):
    connection.read_request()
    connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    while connection.buffer or connection.fill():
        connection.send(connection.take(len(connection.buffer)))


UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_tunnels_outlive_a_reload():
    """An upgraded connection goes on in the old generation while new requests go to the new one."""
    with ScriptedOrigin(echo_tunnel) as origin, Daemon(config_for(origin)) as weir, weir.connect() as client:
        client.send(UPGRADE)
        assert client.read_head().status == 101
        weir.reload()
        for _ in range(3):
            client.send("still there?")
            assert client.read_exactly(12) == b"still there?"


def test_large_messages_through_a_tunnel():
    """Megabytes through a tunnel whose ends read and write at their own pace come back unharmed."""
    block = bytes(range(256)) * 1024

    def swallow(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        digest = hashlib.sha256(connection.read_exactly(len(block) * 20)).hexdigest().encode()
        connection.send(digest + block * 20)

    with ScriptedOrigin(swallow) as origin, Daemon(config_for(origin)) as weir, weir.connect(limit=30) as client:
        client.send(UPGRADE)
        assert client.read_head().status == 101
        for _ in range(20):
            client.send(block)
        assert client.read_exactly(64) == hashlib.sha256(block * 20).hexdigest().encode()
        assert client.read_exactly(len(block) * 20) == block * 20
        client.expect_closed()


def test_a_tunnel_where_nothing_moves_is_closed():
    """proxy_read_timeout ends a tunnel in which no byte goes either way."""
    more = "proxy_read_timeout = 400ms"
    with ScriptedOrigin(echo_tunnel) as origin, Daemon(config_for(origin, more)) as weir, weir.connect() as client:
        client.send(UPGRADE)
        assert client.read_head().status == 101
        client.send("x")
        assert client.read_exactly(1) == b"x"
        client.expect_closed()
