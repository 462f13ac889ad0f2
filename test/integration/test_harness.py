"""The harness itself: what it promises to the other tests."""

import os

from harness import Closed, Failure, RawClient, ScriptedOrigin, certificate, free_ports, wait_until
from harness.client import tls_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_scripted_origin_records_exact_bytes():
    """A scripted origin answers with its own bytes and remembers exactly what reached it."""
    with ScriptedOrigin(OK) as origin, RawClient(origin.port) as client:
        sent = b"POST /x?y=1 HTTP/1.1\r\nhOST: a\r\nContent-Length: 3\r\n\r\nabc"
        client.send(sent)
        response = client.read_response("POST")
        assert (response.status, response.reason, response.body) == (200, "OK", b"hi")
        assert client.received == OK
        assert origin.connections[0].received == sent
        request = origin.requests[0]
        assert (request.method, request.target, request["Host"], request.body) == ("POST", "/x?y=1", "a", b"abc")


def test_reader_understands_framing():
    """The response reader takes chunked bodies with trailers, bodies until the end, and answers without a body."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nX-T: 1\r\n\r\n"
    until_end = b"HTTP/1.0 200 OK\r\n\r\nall of it"
    answers = [b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n" + chunked]

    def second(connection):
        connection.read_request()
        connection.send(until_end)

    with ScriptedOrigin([answers, second]) as origin:
        with RawClient(origin.port) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.read_response().status == 204
            response = client.read_response()
            assert (response.body, response.chunks, response.trailers) == (b"abcde", [b"abc", b"de"], [("X-T", "1")])
        with RawClient(origin.port) as client:
            response = client.request("GET", "/")
            assert response.until_close and response.body == b"all of it"
            client.expect_closed()


def test_truncated_answers_are_not_taken_for_whole():
    """A body shorter than announced raises Closed and shows what came."""

    def cut(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    with ScriptedOrigin(cut) as origin, RawClient(origin.port) as client:
        try:
            client.request()
            raise Failure("a truncated body was accepted")
        except Closed as closed:
            assert closed.data == b"abc"


def test_tls_both_sides():
    """TLS origins and clients work, verified against a test CA."""
    authority = certificate("test CA", ca=True)
    context = __import__("ssl").SSLContext(__import__("ssl").PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate("origin.test", "127.0.0.1", issuer=authority))
    with ScriptedOrigin(OK, tls=context) as origin:
        with RawClient(origin.port, tls=tls_context(authority[0]), server_name="origin.test") as client:
            assert client.request().body == b"hi"


def test_errors_in_scripts_fail_the_test():
    """An assertion that fails inside a script fails the test that owns the origin."""

    def wrong(connection):
        connection.read_request()
        assert False, "on purpose"

    origin = ScriptedOrigin(wrong)
    with RawClient(origin.port) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.expect_closed()
    wait_until(lambda: origin.errors, what="the script's error")
    try:
        origin.stop()
        raise SystemError("the error was swallowed")
    except Failure as failure:
        assert "on purpose" in str(failure)


def test_ports_are_not_given_twice():
    """Consecutive ports are free, below the range of outgoing connections, and given once."""
    first, second = free_ports(4), free_ports(4)
    assert not set(range(first, first + 4)) & set(range(second, second + 4))
    assert max(first, second) + 4 < 32768


def test_processes_that_stay_behind_are_found():
    """What a test leaves running is found and ended by the runner (checked by running a second runner)."""
    import pathlib
    import subprocess
    import sys

    from harness import scratch

    folder = scratch("inner")
    (folder / "test_leaves.py").write_text(
        "import subprocess\n"
        "def test_leaves():\n"
        "    print(subprocess.Popen(['sleep', '300'], start_new_session=True).pid)\n"
        "def test_hangs():\n"
        "    import signal\n"
        "    signal.pause()\n"
        "test_hangs.limit = 0.2\n"
    )
    run = pathlib.Path(__file__).parent / "run"
    done = subprocess.run([sys.executable, run, str(folder)], capture_output=True, text=True)
    assert done.returncode == 1, done
    assert "processes were left behind" in done.stdout, done.stdout
    assert "stopped after its limit" in done.stdout
    assert done.stdout.endswith("\n0 passed, 2 failed\n")
    pid = next(int(word) for word in done.stdout.split() if word.isdigit() and int(word) > 100)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the sleeper to be gone")
