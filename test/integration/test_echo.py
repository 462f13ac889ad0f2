"""weir-echo, the sample origin, asked directly."""

import hashlib
import os
import signal
import time

from harness import Echo, RawClient, certificate, run_program, scratch, wait_until
from harness.client import tls_context

PATTERN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+\n"


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def test_answer_tells_the_request():
    """The answer is JSON with method, path, headers, query parameters and the body, parsed where it is JSON."""
    with Echo() as echo, echo.connect() as client:
        fields = [("Content-Type", "application/json"), ("X-Two", "a"), ("X-Two", "b")]
        response = client.request("POST", "/a%20b?x=1&y=%41+b&x=2&z", fields, body='{"hello": ["world", 1]}')
        assert response.status == 200 and response["Content-Type"] == "application/json"
        answer = response.json
        assert list(answer) == [
            *("status", "message", "method", "path", "headers", "query_params", "body", "ssl_info", "port")
        ], list(answer)
        assert (answer["status"], answer["method"], answer["path"]) == ("ok", "POST", "/a%20b")
        assert answer["headers"]["X-Two"] == ["a", "b"] and answer["headers"]["Host"] == "localhost"
        assert answer["query_params"] == {"x": ["1", "2"], "y": "A b", "z": ""}
        assert answer["body"] == {"hello": ["world", 1]}
        assert answer["ssl_info"] is None and answer["port"] == echo.port
        text = client.request("PUT", "/", [("Content-Type", "text/plain")], body="plain").json
        assert text["body"] == "plain"
        assert client.request("GET", "/").json["body"] is None
        broken = client.request("POST", "/", [("Content-Type", "application/json")], body="{not json").json
        assert broken["body"] == "{not json"
        deep = client.request("POST", "/", [("Content-Type", "application/json")], body="[" * 60000 + "]" * 1000).json
        assert deep["body"].startswith("[[[[")


def test_port_only_with_debug():
    """The port stands in the answer only with --debug."""
    with Echo(debug=False) as echo, echo.connect() as client:
        assert "port" not in client.request().json


def test_strangers_are_refused():
    """Without --open only a loopback peer whose request has X-Forwarded-For is answered; /health is."""
    with Echo(open=False) as echo, echo.connect() as client:
        refused = client.request()
        assert refused.status == 403 and refused.json["status"] == "error"
        assert client.request("GET", "/", [("X-Forwarded-For", "192.0.2.1")]).status == 200
        assert client.request("GET", "/health").status == 200
        assert client.request("POST", "/", body=b"unread").status == 403
        client.expect_closed()


def test_large_uploads_are_streamed():
    """A 200 MB upload is answered with length and SHA-256, and costs no memory."""
    with Echo() as echo, echo.connect() as client:
        client.request()
        before = memory_kib(echo.pid)
        piece, count = bytes(range(256)) * 4096, 200
        expected = hashlib.sha256()
        client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(piece) * count}\r\n\r\n")
        for _ in range(count):
            client.send(piece)
            expected.update(piece)
        body = client.read_response("POST").json["body"]
        assert body == {"length": len(piece) * count, "sha256": expected.hexdigest()}
        assert memory_kib(echo.pid) - before < 4096, (before, memory_kib(echo.pid))
        # around the bound: 64 KiB is told, one byte more is not
        at = client.request("POST", "/", body=b"x" * 65536).json["body"]
        assert at == "x" * 65536
        above = client.request("POST", "/", body=b"x" * 65537).json["body"]
        assert above == {"length": 65537, "sha256": hashlib.sha256(b"x" * 65537).hexdigest()}


def test_chunked_uploads_and_expect():
    """Chunked bodies are decoded; Expect: 100-continue is answered before the body is sent."""
    with Echo() as echo, echo.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_response("POST", interim=True).status == 100
        client.send("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
        assert client.read_response("POST").json["body"] == "abcde"


def test_sizes_and_framings():
    """--size bodies have exactly that size and a known content, by length and by chunks, on one connection."""
    with Echo("--steer") as echo, echo.connect() as client:
        for words, size in (("size=0", 0), ("size=1", 1), ("size=300k", 300 * 1024), ("size=5m", 5 << 20)):
            for framing in ("", " chunked"):
                response = client.request("GET", "/", [("X-Echo", words + framing)])
                assert len(response.body) == size
                assert response.body == (PATTERN * (size // 64 + 1))[:size]
                assert response.has("Transfer-Encoding") == bool(framing)
                assert response.has("Content-Length") != bool(framing)
        head = client.request("HEAD", "/", [("X-Echo", "size=77")])
        assert head["Content-Length"] == "77" and head.body == b""
        assert client.request("GET", "/", [("X-Echo", "status=204")]).body == b""
        last = client.request("GET", "/", [("X-Echo", "chunked size=10")], version="HTTP/1.0")
        assert last.until_close and len(last.body) == 10


def test_command_line_shapes_answers():
    """Status, cache-control, fields, close and early answers come from the command line, too."""
    arguments = ["--status", "503", "--cache-control", "max-age=5", "--field", "X-A: b", "--close"]
    with Echo(*arguments) as echo, echo.connect() as client:
        response = client.request()
        assert (response.status, response["Cache-Control"], response["X-A"]) == (503, "max-age=5", "b")
        assert response["Connection"] == "close" and response.json["status"] == "error"
        client.expect_closed()
    with Echo("--early") as echo, echo.connect() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nonly this")
        assert client.read_response("POST").status == 200
        client.expect_closed()


def test_words_of_a_file_are_obeyed_and_read_again():
    """--obey: words of X-Echo from a file, for every request; a HUP reads it again, nonsense changes nothing."""
    words = scratch("echo") / "words"
    words.write_text("status=404")
    with Echo("--obey", words, "--size", "3") as echo, echo.connect() as client:

        def told(text):
            said = echo.output.count("\n")
            words.write_text(text)
            echo.signal(signal.SIGHUP)
            wait_until(lambda: echo.output.count("\n") > said, 10, "weir-echo to answer the HUP")
            return client.request("GET", "/")

        first = client.request("GET", "/")
        assert (first.status, len(first.body)) == (404, 3)
        assert told("status=500\nsize=7\n").status == 500
        answer = told("status=77")
        assert (answer.status, len(answer.body)) == (500, 7) and "wants 200 to 599" in echo.output
        answer = told("")
        assert (answer.status, len(answer.body)) == (200, 3)
    words.write_text("nonsense")
    done = run_program("weir-echo", "--obey", words, "1")
    assert done.returncode == 1 and "unknown word" in done.stderr, done


def test_error_rate_is_exact():
    """--error-rate 25 answers exactly every fourth request with 500."""
    with Echo("--error-rate", "25") as echo, echo.connect() as client:
        statuses = [client.request().status for _ in range(100)]
        assert statuses.count(500) == 25 and statuses.count(200) == 75
        assert [s for s in statuses[:8]].count(500) == 2


def test_delay_and_drip():
    """--delay holds the answer back; drip sends it in pieces."""
    with Echo("--steer", "--delay", "200ms") as echo, echo.connect() as client:
        start = time.monotonic()
        client.request()
        assert time.monotonic() - start >= 0.2
        start = time.monotonic()
        response = client.request("GET", "/", [("X-Echo", "delay=0ms size=50 chunked drip=10/20ms")])
        assert response.chunks == [(PATTERN * 1)[i : i + 10] for i in range(0, 50, 10)]
        assert time.monotonic() - start >= 0.08


def test_cut_ends_in_the_middle():
    """--cut ends the connection in the middle of the body."""
    with Echo("--cut", "100", "--size", "1000") as echo, echo.connect() as client:
        client.send_request()
        head = client.read_head()
        assert head["Content-Length"] == "1000"
        assert len(client.read_to_end()) == 100


def test_pipelined_requests_are_answered_in_order():
    """Requests sent at once are answered in order."""
    with Echo() as echo, echo.connect() as client:
        client.send(b"".join(f"GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for n in range(50)))
        assert [client.read_response().json["path"] for _ in range(50)] == [f"/{n}" for n in range(50)]


def test_malformed_requests_get_their_status():
    """What is not HTTP is refused by its status and the connection is closed."""
    bad = {
        b"GET / HTTP/1.1\r\n\r\n": 400,
        b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n": 400,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n": 414,
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40000 + b"\r\n\r\n": 431,
        b"GET / HTTP/3.7\r\nHost: a\r\n\r\n": 505,
    }
    with Echo() as echo:
        for request, status in bad.items():
            with echo.connect() as client:
                client.send(request)
                response = client.read_response()
                assert response.status == status, (request[:80], response)
                client.expect_closed()


def test_many_ports_unix_sockets_and_log():
    """A range of ports and a Unix socket are served by one process; --log writes a line per request."""
    path = scratch() / "echo.sock"
    with Echo("--log", f"unix:{path}", count=4) as echo:
        for port in range(echo.port, echo.port + 4):
            with RawClient(port) as client:
                assert client.request("GET", f"/{port}").json["port"] == port
        with RawClient(path) as client:
            assert client.request("GET", "/by-path").status == 200
        echo.wait_output(rf'^127.0.0.1:{echo.port + 3} "GET /{echo.port + 3} HTTP/1.1" 200 0 \d+ \d+ms$')
        echo.wait_output(r'^unix:.* "GET /by-path HTTP/1.1" 200')


def test_exit_codes():
    """0 after TERM, 1 when a port is taken (and says so), 2 for wrong arguments, each with a reason."""
    with Echo() as echo:
        taken = run_program("weir-echo", echo.port)
        assert taken.returncode == 1 and f"{echo.port}: the port is taken" in taken.stderr, taken
    for wrong in (
        *([], ["--nonsense", "1"], ["0"], ["70000"], ["9-3"], ["--status", "99", "80"], ["--delay", "5", "80"]),
        *(["--cert", "x", "80"], ["--error-rate", "101", "80"], ["--field", "bad", "80"], ["--drip", "5", "80"]),
    ):
        done = run_program("weir-echo", *wrong)
        assert done.returncode == 2 and done.stderr.startswith("weir-echo: "), (wrong, done)
    assert run_program("weir-echo", "--help").stdout.startswith("weir-echo: a sample origin")
    if os.geteuid() != 0 and int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) > 81:
        assert run_program("weir-echo", "81").returncode == 4


def test_connections_survive_each_other():
    """A slow answer on one connection does not hold up another; TERM ends both at once."""
    echo = Echo("--steer")
    slow, fast = echo.connect(), echo.connect()
    slow.send_request("GET", "/", [("X-Echo", "delay=1m")])
    assert fast.request().status == 200
    start = time.monotonic()
    echo.signal(signal.SIGTERM)
    echo.wait_exit(0)
    assert time.monotonic() - start < 5
    slow.expect_closed()
    fast.expect_closed()


def test_tls_with_its_own_certificate():
    """--tls serves HTTPS with a certificate made in memory and tells what TLS agreed on."""
    with Echo("--tls", "--steer", count=2) as echo:
        for port in (echo.port, echo.port + 1):
            with RawClient(port, tls=tls_context(alpn=["http/1.1"])) as client:
                answer = client.request("POST", "/", body="x" * 1000).json
                assert answer["ssl_info"]["protocol"] == "TLSv1.3", answer
                assert answer["ssl_info"]["server_name"] == "localhost"
                assert answer["body"] == "x" * 1000
                response = client.request("GET", "/", [("X-Echo", "size=3m chunked")])
                assert response.body == (PATTERN * (3 * 1024 * 16))
                response = client.request("GET", "/", [("X-Echo", "size=100 close")])
                assert len(response.body) == 100
                client.expect_closed()
        with RawClient(echo.port) as client:  # plain bytes to a TLS port
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.read_to_end()
        with RawClient(echo.port, tls=True) as client:
            assert client.request().status == 200


def test_tls_with_files():
    """--cert and --key serve HTTPS with that pair, verified by a client that trusts its issuer."""
    authority = certificate("test CA", ca=True)
    cert, key = certificate("echo.test", issuer=authority)
    with Echo("--cert", cert, "--key", key) as echo:
        with RawClient(echo.port, tls=tls_context(authority[0]), server_name="echo.test") as client:
            assert client.request().json["ssl_info"]["server_name"] == "echo.test"
    missing = run_program("weir-echo", "--cert", "/nonexistent", "--key", key, "9")
    assert missing.returncode == 1 and "/nonexistent can't be read" in missing.stderr
    other = run_program("weir-echo", "--cert", authority[0], "--key", key, "9")
    assert other.returncode == 1 and other.stderr.startswith("weir-echo: "), other
