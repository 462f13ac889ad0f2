"""The way to an origin and back: fail-over, pooled connections, answers that break off, timeouts, TLS, API keys."""

import hashlib
import socket
import ssl
import time

from harness import Closed, Daemon, ScriptedOrigin, certificate, free_port, scratch, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def config(*servers, upstream="", server="", location=""):
    lines = "\n".join(f"server = {address}" for address in servers)
    return f"""
[upstream origin]
{lines}
{upstream}
[server web]
listen = 127.0.0.1:@http@
upstream = origin
client_max_body_size = 0
{server}
{location}
"""


def after_request(data, ending="close"):
    """A script that reads a request, says `data` and ends the connection."""

    def script(connection):
        connection.read_request()
        connection.send(data)
        if ending == "reset":
            connection.abort()

    return script


def silent(connection):
    connection.read_request()
    connection.read_to_end()


# What breaks


def test_answers_that_break_off_never_look_complete():
    """An origin that closes or resets inside an answer: the client sees no clean end, the worker lives."""
    cuts = [
        b"Content-Length: 10\r\n\r\n",
        b"Content-Length: 10\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
    ]
    scripts = [after_request(b"HTTP/1.1 200 OK\r\n" + cut, ending) for cut in cuts for ending in ("close", "reset")]
    scripts.append(after_request(b"HTTP/1.1 200 OK\r\n\r\nhello", "reset"))
    with ScriptedOrigin([*scripts, OK]) as origin, Daemon(config(origin.address)) as weir:
        worker = weir.workers()
        for _ in scripts:
            with weir.connect() as client:
                client.send_request()
                try:
                    response = client.read_response()
                except Closed:
                    continue
                raise AssertionError(f"it looks complete: {response}")
        assert weir.get().body == b"ok"
        assert weir.workers() == worker


def test_what_is_no_answer_is_a_502():
    """Before a head is complete, and for one that is not accepted, the client gets 502 and nothing of the junk."""
    junk = [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\n X-B: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100,
    ]
    with ScriptedOrigin([after_request(data) for data in junk]) as origin, Daemon(config(origin.address)) as weir:
        for data in junk:
            response = weir.get()
            assert response.status == 502, (data[:60], response)
            assert b"X-A" not in response.head


def test_an_answer_may_end_with_its_connection():
    """Without a length the end of the connection is the end of the answer, from HTTP/1.0 origins too."""
    for version in ("1.0", "1.1"):
        answer = f"HTTP/{version} 200 OK\r\n\r\nhello".encode()
        with ScriptedOrigin(after_request(answer)) as origin, Daemon(config(origin.address)) as weir:
            with weir.connect() as client:
                assert client.request().body == b"hello"
                assert client.request().body == b"hello"  # chunked to the client, whose connection stays


def test_a_silent_origin_is_a_504_in_time():
    """proxy_read_timeout is the time between two reads: 504 before an answer, a broken answer inside one."""

    def half(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        connection.read_to_end()

    with ScriptedOrigin([silent, half]) as origin:
        with Daemon(config(origin.address, server="proxy_read_timeout = 500ms")) as weir:
            started = time.monotonic()
            assert weir.get().status == 504
            assert 0.5 <= time.monotonic() - started
            with weir.connect() as client:
                client.send_request()
                try:
                    client.read_response()
                    raise AssertionError("half an answer looks complete")
                except Closed:
                    pass
            wait_until(lambda: all(c.finished() for c in origin.connections), 10, "the connections to be closed")


def test_a_dripping_origin_is_no_timeout():
    """An origin that says a little now and then is waited for, each pause on its own."""

    def drip(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        for byte in b"hello":
            time.sleep(0.3)  # the origin's pace, not a wait for something
            connection.send(bytes([byte]))

    with ScriptedOrigin(drip) as origin, Daemon(config(origin.address, server="proxy_read_timeout = 1s")) as weir:
        assert weir.get().body == b"hello"


# Which peer


def test_a_peer_that_takes_the_connection_and_nothing_else_costs_part_of_the_time():
    """A TLS peer that never shakes hands: the next one gets the request within proxy_connect_timeout."""
    hole = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{hole.getsockname()[1]}"
    with ScriptedOrigin(OK, tls=True) as origin:
        upstream = "ssl = on\nssl_insecure_skip_verify = on"
        server = "proxy_connect_timeout = 2s"
        with Daemon(config(address, origin.address, upstream=upstream, server=server)) as weir:
            started = time.monotonic()
            assert weir.get().status == 200
            assert weir.get().status == 200  # shunned now, or its turn is over
            assert time.monotonic() - started < 2 * 5
    hole.close()


def test_fail_over_keeps_the_body():
    """A refused connection costs nothing of a POST: the next peer gets the whole body."""
    with ScriptedOrigin(OK) as origin:
        dead = f"127.0.0.1:{free_port()}"
        with Daemon(config(dead, origin.address)) as weir:
            for _ in range(4):
                assert weir.get(method="POST", body=b"x" * 100_000).status == 200
        assert [len(request.body) for request in origin.requests] == [100_000] * 4


def test_all_peers_dead_and_back():
    """All shunned is no reason to try nobody: the peer that comes back serves at once."""
    port = free_port()
    with Daemon(config(f"127.0.0.1:{port}")) as weir:
        assert weir.get().status == 502
        with ScriptedOrigin(OK, port=port):
            assert weir.get().status == 200


def test_unix_sockets_are_origins():
    """server = unix:PATH."""
    path = scratch("s") / "o.sock"
    path.parent.chmod(0o777)  # a worker may run as somebody else
    with ScriptedOrigin(OK, unix=path) as origin, Daemon(config(origin.address)) as weir:
        path.chmod(0o777)
        for _ in range(3):
            assert weir.get().body == b"ok"
        assert len(origin.connections) == 1


# Pooled connections


def test_connections_are_used_again():
    """One client after the other over one connection; at most keepalive_requests on each."""
    with ScriptedOrigin(OK) as origin, Daemon(config(origin.address, upstream="keepalive_requests = 5")) as weir:
        for _ in range(10):
            assert weir.get().status == 200
        assert [len(c.requests) for c in origin.connections] == [5, 5]


def test_a_pooled_connection_that_died_is_replaced_silently():
    """The origin closes as the second request comes, without a byte: an idempotent one never notices."""

    def once(connection):
        connection.read_request()
        connection.send(OK)
        connection.read_request()

    with ScriptedOrigin(once) as origin, Daemon(config(origin.address)) as weir:
        for _ in range(10):
            assert weir.get().status == 200
        assert weir.get(method="POST", body=b"x").status == 502  # it may have been processed
        assert len(origin.connections) == 10


def test_an_idle_connection_that_speaks_is_dropped():
    """Bytes that nobody asked for belong to no answer."""

    def chatty(connection):
        connection.read_request()
        connection.send(OK)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        connection.expect_closed()

    with ScriptedOrigin(chatty) as origin, Daemon(config(origin.address)) as weir:
        for n in range(1, 6):
            assert weir.get().body == b"ok"
            wait_until(lambda: all(c.finished() for c in origin.connections), 10, "the connection to be dropped")
            assert len(origin.connections) == n


def test_keepalive_zero_closes_after_each_answer():
    """keepalive = 0 keeps nothing, and says so to the origin."""
    with ScriptedOrigin(OK) as origin, Daemon(config(origin.address, upstream="keepalive = 0")) as weir:
        assert weir.get().status == 200
        assert weir.get().status == 200
        assert len(origin.connections) == 2
        assert all(request["Connection"] == "close" for request in origin.requests)


def test_idle_connections_are_closed_after_their_time():
    """keepalive_timeout of the upstream."""
    with ScriptedOrigin(OK) as origin, Daemon(config(origin.address, upstream="keepalive_timeout = 200ms")) as weir:
        assert weir.get().status == 200
        wait_until(lambda: origin.connections[0].finished(), 10, "the idle connection to be closed")


# Bodies and interim answers


def test_expect_is_the_origins_to_answer():
    """Expect: 100-continue goes to the origin, its 100 comes back, then the body goes."""

    def careful(connection):
        connection.read_request(body=False)
        connection.expect_open()
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.read_exactly(5) == b"hello"
        connection.send(OK)

    with ScriptedOrigin(careful) as origin, Daemon(config(origin.address)) as weir, weir.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_response(interim=True).status == 100
        client.send("hello")
        assert client.read_response().status == 200
        assert origin.requests[0]["Expect"] == "100-continue"


def test_an_origin_may_refuse_a_body_unseen():
    """A final answer instead of 100: no byte of the body goes, and the connection is not used again."""

    def refuse(connection):
        connection.read_request(body=False)
        connection.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.expect_closed()

    with ScriptedOrigin(refuse) as origin, Daemon(config(origin.address)) as weir, weir.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_response(interim=True).status == 413
        wait_until(lambda: origin.connections[0].finished(), 10, "the connection to be closed")


def test_an_origin_that_ignores_expect_gets_the_body():
    """After a second of silence the client is told to go on."""
    with ScriptedOrigin(OK) as origin, Daemon(config(origin.address)) as weir, weir.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_response(interim=True).status == 100
        client.send("hello")
        assert client.read_response().status == 200
        assert origin.requests[0].body == b"hello"


def test_an_early_answer_reaches_a_client_that_still_uploads():
    """403 before the body was read, then a reset: the client has its 403."""
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way"

    def early(connection):
        connection.read_request(body=False)
        connection.send(answer)
        connection.abort()

    with ScriptedOrigin(early) as origin, Daemon(config(origin.address)) as weir:
        for _ in range(5):
            with weir.connect() as client:
                client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + "x" * 1000)
                response = client.read_response()
                assert (response.status, response.body) == (403, b"no way")


def test_a_client_that_leaves_takes_its_upload_with_it():
    """The origin must not take the part it has for the whole: the connection ends inside the body."""

    def reading(connection):
        connection.read_request(body=False)
        connection.read_to_end()

    with ScriptedOrigin(reading) as origin, Daemon(config(origin.address)) as weir:
        client = weir.connect()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        origin.wait_requests(1)
        client.close()
        wait_until(lambda: origin.connections[0].finished(), 10, "the connection to be closed")
        assert not origin.connections[0].received.endswith(b"0\r\n\r\n")


def test_framing_towards_the_origin_is_our_own():
    """The client's chunks and extensions stay here; a length stays a length."""
    with ScriptedOrigin(OK) as origin, Daemon(config(origin.address)) as weir, weir.connect() as client:
        client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3;x=y\r\nabc\r\n3\r\ndef\r\n0\r\nX-Trailer: 1\r\n\r\n"
        )
        assert client.read_response().status == 200
        assert client.request("POST", body=b"abcdef").status == 200
        first, second = origin.requests
        assert first.body == second.body == b"abcdef"
        assert not first.has("Content-Length") and second["Content-Length"] == "6"
        assert b"x=y" not in origin.connections[0].received


# TLS


def test_the_origins_certificate_is_verified():
    """A trusted certificate for the right name passes; another name, another issuer, plain text: 502."""
    authority = certificate("authority.test", ca=True)
    pairs = {
        "good": certificate("origin.test", "127.0.0.1", issuer=authority, folder=scratch("good")),
        "other name": certificate("other.test", issuer=authority, folder=scratch("name")),
        "other issuer": certificate("origin.test", folder=scratch("issuer")),
    }
    for name, pair in pairs.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        upstream = f"ssl = on\nssl_name = origin.test\nssl_trusted_certificate = {authority[0]}"
        with ScriptedOrigin(OK, tls=context) as origin:
            with Daemon(config(origin.address, upstream=upstream)) as weir:
                assert weir.get().status == (200 if name == "good" else 502), name
                if name != "good":
                    assert not origin.requests
            origin.errors.clear()  # the refused handshakes
    with ScriptedOrigin(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as plain:
        with Daemon(config(plain.address, upstream="ssl = on\nssl_insecure_skip_verify = on")) as weir:
            assert weir.get().status == 502


def test_a_tls_answer_without_its_end_is_cut_short():
    """Delimited by the end of the connection, without close_notify: anyone may have cut it."""

    def vanish(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        raw = socket.socket(fileno=connection.sock.detach())
        raw.close()  # FIN without close_notify

    with ScriptedOrigin(vanish, tls=True) as origin:
        with Daemon(config(origin.address, upstream="ssl = on\nssl_insecure_skip_verify = on")) as weir:
            with weir.connect() as client:
                client.send_request()
                try:
                    response = client.read_response()
                except Closed:
                    return
                raise AssertionError(f"it looks complete: {response}")


# API keys


def test_api_keys_open_the_door_and_stay_outside():
    """401 without a known key; with one the request passes and the origin does not see the key."""
    digest = hashlib.sha256(b"secret-key").hexdigest()
    keys = f"# for the test\nalice sha256:{digest}\n"
    text = """
[api_keys clients]
header = X-API-Key
file = clients.keys
"""
    with ScriptedOrigin(OK) as origin:
        with Daemon(text + config(origin.address, server="auth = api_keys:clients"), files={"clients.keys": keys}) as weir:
            for fields in ({}, {"X-API-Key": ""}, {"X-API-Key": "secret-keyx"}, {"X-API-Key": digest}):
                response = weir.get(fields=fields)
                assert response.status == 401, fields
                assert response.has("WWW-Authenticate")
            with weir.connect() as client:
                client.send("GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: secret-key\r\nX-API-Key: secret-key\r\n\r\n")
                assert client.read_response().status == 401
            assert not origin.requests
            assert weir.get(fields={"x-api-key": "secret-key"}).status == 200
            assert b"secret-key" not in origin.connections[0].received
            assert "secret-key" not in weir.log
