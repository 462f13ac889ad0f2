"""weir-load, the load generator, against weir-echo, weir and origins that misbehave. No speed is asserted, only counts."""

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading

from harness import (
    Daemon,
    Echo,
    Program,
    ScriptedOrigin,
    certificate,
    free_port,
    program,
    run_program,
    scratch,
    wait_until,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def load(*arguments, code=0, limit=60):
    """Runs weir-load --json to its end; returns the report."""
    done = run_program("weir-load", "--json", *arguments, limit=limit)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    report = json.loads(done.stdout)
    assert report["requests"] == report["ok"] + report["failed"], report
    assert report["failed"] == sum(report["errors"].values()), report
    return report


def url(origin, path="/", scheme="http"):
    return f"{scheme}://{origin.address}{path}"


def test_open_loop_sends_all_at_its_rate():
    """--rps and --duration: as many requests as the rate says, each answered, on connections that are kept."""
    with ScriptedOrigin(OK) as origin:
        report = load("--rps", "50", "--duration", "2", url(origin, "/x?y"))
        assert report["loop"] == "open" and report["rps_wanted"] == 50
        assert (report["requests"], report["ok"], report["duration"]) == (100, 100, 2.0), report
        assert report["statuses"] == {"200": 100} and report["errors"] == {}
        assert report["latency_us"]["count"] == 100 and report["lag_us"]["count"] == 100
        assert len(origin.requests) == 100 and origin.requests[0].target == "/x?y"
        assert report["connections"] == len(origin.connections) < 100
        assert report["bytes_in"] == 100 * len(OK)
        assert report["bytes_out"] == sum(len(connection.received) for connection in origin.connections)


def test_latency_counts_from_the_intended_start():
    """A server that stalls once is seen by all requests that were due meanwhile (no coordinated omission)."""
    stalled = threading.Event()

    def script(connection):
        while True:
            connection.read_request()
            if not stalled.is_set():
                stalled.set()
                threading.Event().wait(1.0)  # the origin's misbehaviour, not a wait for anything
            connection.send(OK)

    with ScriptedOrigin(script) as origin:
        report = load("--rps", "100", "-n", "150", "-c", "1", url(origin))
        assert report["ok"] == 150 and report["connections"] == 1
        # 100 requests fell due during the stall; those of its first half have waited half a second at least.
        assert report["latency_us"]["p75"] >= 400_000, report["latency_us"]
        assert report["latency_us"]["max"] >= 1_000_000, report["latency_us"]


def test_closed_loop_keeps_its_connections_busy():
    """--connections: so many, each with its next request when it has its answer."""
    with Echo() as echo:
        report = load("-c", "4", "-n", "200", url(echo))
        assert report["loop"] == "closed" and report["rps_wanted"] is None and "lag_us" not in report
        assert (report["requests"], report["ok"], report["connections"]) == (200, 200, 4), report
        assert 0 < report["duration"] < 60 and report["rps"] > 0
        timed = load("-c", "2", "--duration", "500ms", url(echo))
        assert timed["duration"] == 0.5 and timed["ok"] == timed["requests"] > 0


def test_rate_over_a_number_of_connections():
    """--rps with --connections: all of them are opened and take turns."""
    with ScriptedOrigin(OK) as origin:
        report = load("--rps", "200", "-n", "60", "-c", "6", url(origin))
        assert report["ok"] == 60 and report["connections"] == 6
        assert sorted(len(connection.requests) for connection in origin.connections)[0] >= 5


def test_a_connection_each():
    """--no-keepalive: Connection: close, and a connection for each request."""
    with ScriptedOrigin(lambda connection: (connection.read_request(), connection.send(OK))) as origin:
        report = load("-c", "3", "-n", "30", "--no-keepalive", url(origin))
        assert (report["ok"], report["connections"], len(origin.connections)) == (30, 30, 30)
        assert all(request["Connection"] == "close" for request in origin.requests)


def test_server_that_closes_between_requests():
    """An answer with Connection: close, or a server that closes an idle connection, is no failure."""
    said = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    silently = lambda connection: (connection.read_request(), connection.send(OK))  # noqa: E731
    with ScriptedOrigin([[said]]) as origin:
        report = load("-c", "1", "-n", "10", url(origin))
        assert (report["ok"], report["connections"]) == (10, 10)
    with ScriptedOrigin(silently) as origin:
        report = load("--rps", "10", "-n", "5", url(origin))
        assert (report["ok"], report["connections"]) == (5, 5)


def test_workers_share_the_work():
    """--workers: several processes, one report that adds up."""
    with Echo() as echo:
        report = load("--workers", "3", "-c", "7", "-n", "100", url(echo))
        assert (report["ok"], report["connections"], report["workers"]) == (100, 7, 3)
        report = load("--workers", "2", "--rps", "100", "-n", "51", url(echo))
        assert report["ok"] == 51


def test_method_fields_and_body():
    """-X, -H and -d make the request; @FILE is read; a body alone makes it a POST."""
    file = scratch("body") / "body"
    file.write_bytes(bytes(range(256)) * 1000)
    with ScriptedOrigin(OK) as origin:
        load("-n", "1", "-X", "PUT", "-H", "X-One: 1", "-H", "Host: other", "-d", f"@{file}", url(origin, "/up"))
        request = origin.requests[0]
        assert (request.method, request.target, request["X-One"], request["Host"]) == ("PUT", "/up", "1", "other")
        assert request.body == file.read_bytes()
        load("-n", "1", "-d", "a=b", url(origin))
        assert (origin.requests[1].method, origin.requests[1].body) == ("POST", b"a=b")


def test_answers_of_every_framing():
    """Chunked, until close, HEAD, 204, and interim answers are whole answers."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    until_close = b"HTTP/1.1 200 OK\r\n\r\nhello"
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK

    def bytewise(connection):
        while True:
            connection.read_request()
            for at in range(len(interim)):
                connection.send(interim[at : at + 1])

    for script, method in (
        (chunked, "GET"),
        ([[until_close]], "GET"),
        (interim, "GET"),
        (bytewise, "GET"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HEAD"),
    ):
        with ScriptedOrigin(script) as origin:
            report = load("-c", "1", "-n", "5", "-X", method, url(origin))
            assert report["ok"] == 5, (script, report)
            assert len(origin.connections) == (5 if isinstance(script, list) else 1)


def test_statuses_and_what_is_expected():
    """Statuses are counted; other than 2xx are failures unless --expect names them."""
    answers = [[b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status] for status in (200, 301, 404, 503)]
    with ScriptedOrigin([*answers, answers[0]]) as origin:
        report = load("-c", "1", "-n", "8", "--no-keepalive", url(origin), code=1)
        assert report["statuses"] == {"200": 5, "301": 1, "404": 1, "503": 1} and report["errors"] == {"status": 3}
    with ScriptedOrigin(answers[2][0]) as origin:
        report = load("-n", "3", "--rps", "100", "--expect", "404", url(origin))
        assert (report["ok"], report["failed"]) == (3, 0)


def reset(connection):
    connection.read_request()
    connection.abort()


def half_an_answer(connection):
    connection.read_request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def never(connection):
    connection.read_request()
    connection.read_to_end()


def test_failures_are_counted_by_kind():
    """Each way in which a request can fail has its count, its detail and the exit code 1."""
    for kind, script, detail in (
        ("reset", reset, "connection reset by peer"),
        ("closed", lambda connection: connection.read_request(), "before the answer"),
        ("closed", half_an_answer, "inside the body"),
        ("malformed", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", ""),
        ("malformed", OK + b"more", "more bytes than the answer has"),
        ("malformed", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", ""),
        ("malformed", b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", ""),
        ("timeout", never, "before the answer"),
    ):
        with ScriptedOrigin(script) as origin:
            report = load("-c", "2", "-n", "4", "--timeout", "300ms", url(origin), code=1)
            assert report["errors"] == {kind: 4}, (kind, report)
            assert detail in report["error_details"][kind], report
            assert report["ok"] == 0 and report["latency_us"]["count"] == 0


def test_refused_and_unanswered_connects():
    """Nobody listens: connect_refused. A full queue: connect_timeout, not a hang."""
    report = load("-c", "2", "-n", "4", f"http://127.0.0.1:{free_port()}/", code=1)
    assert report["errors"] == {"connect_refused": 4} and report["connections"] == 0
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(4):  # fills the queue of established connections, which nobody accepts
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(full.getsockname())
            address = f"http://127.0.0.1:{full.getsockname()[1]}/"
            report = load("--rps", "10", "-n", "3", "--timeout", "500ms", address, code=1)
        finally:
            for one in waiting:
                one.close()
        assert report["errors"] == {"connect_timeout": 3}, report


def test_requests_that_find_no_connection_in_time():
    """A request that waits in line longer than --timeout has failed, and is counted."""
    with ScriptedOrigin(never) as origin:
        report = load("--rps", "1000", "-n", "20", "-c", "1", "--timeout", "300ms", url(origin), code=1)
        assert report["errors"] == {"timeout": 20} and len(origin.requests) < 20


def test_threshold_and_exit_codes():
    """--max-failed tolerates a share; 2 are wrong arguments, 3 what could not be run."""
    with Echo("--error-rate", "10") as echo:
        assert load("-c", "1", "-n", "100", url(echo), code=1)["errors"] == {"status": 10}
        load("-c", "1", "-n", "100", "--max-failed", "10", url(echo))
        load("-c", "1", "-n", "100", "--max-failed", "9.9%", url(echo), code=1)
    wrong = run_program("weir-load", "--rps", "many")
    assert wrong.returncode == 2 and "--rps many: wants requests per second" in wrong.stderr
    nowhere = run_program("weir-load", "http://no.such.host.invalid/")
    assert nowhere.returncode == 3 and "no.such.host.invalid" in nowhere.stderr
    bad_file = run_program("weir-load", "--cacert", "/no/such/file", "https://127.0.0.1:1/")
    assert bad_file.returncode == 3 and "/no/such/file can't be read" in bad_file.stderr


def test_tls_verifies():
    """A certificate nobody trusts fails as tls; --cacert or -k make it work; the report says which."""
    pair = certificate("localhost", "127.0.0.1")
    with Echo("--cert", pair[0], "--key", pair[1]) as echo:
        target = url(echo, scheme="https")
        report = load("-c", "1", "-n", "2", target, code=1)
        assert report["errors"] == {"tls": 2} and "self-signed" in report["error_details"]["tls"], report
        assert report["verified"] is True
        report = load("-c", "1", "-n", "5", "--cacert", pair[0], target)
        assert report["verified"] is True and report["tls_handshakes"] == 1
        report = load("-c", "1", "-n", "5", "-k", target)
        assert report["verified"] is False
        said = run_program("weir-load", "-c", "1", "-n", "5", "-k", target)
        assert "the certificate was not verified (-k)" in said.stdout, said.stdout
    other = certificate("other.example")
    with Echo("--cert", other[0], "--key", other[1]) as echo:  # trusted, for another name
        report = load("-c", "1", "-n", "2", "--cacert", other[0], url(echo, scheme="https"), code=1)
        assert report["errors"] == {"tls": 2} and "mismatch" in report["error_details"]["tls"], report


def test_tls_to_a_plain_server():
    """A server that does not speak TLS, or leaves in the handshake, counts as tls."""
    with ScriptedOrigin(lambda connection: connection.send(OK)) as origin:
        report = load("-c", "1", "-n", "2", "-k", url(origin, scheme="https"), code=1)
        assert report["errors"] == {"tls": 2}, report


AUTO = """
[server web]
listen = 127.0.0.1:@tls@ ssl
ssl_certificate = auto
return = 200 "ok\\n"
"""


def test_full_and_resumed_handshakes():
    """Each handshake is full unless --tls-resume; then all but the first of a worker are resumed."""
    with Daemon(AUTO) as weir:
        target = f"https://localhost:{weir.port('tls')}/"
        full = load("-c", "1", "-n", "20", "--no-keepalive", target)
        assert (full["tls_handshakes"], full["tls_resumed"]) == (20, 0)
        resumed = load("-c", "1", "-n", "20", "--no-keepalive", "--tls-resume", target)
        assert (resumed["tls_handshakes"], resumed["tls_resumed"]) == (20, 19)
        kept = load("-c", "2", "-n", "20", target)
        assert (kept["tls_handshakes"], kept["connections"]) == (2, 2)


def test_development_certificate_is_not_verified():
    """weir's own development certificate on a loopback address works without -k, and the report says so."""
    with Daemon(AUTO) as weir:
        target = f"https://localhost:{weir.port('tls')}/"
        assert load("-n", "5", target)["verified"] is False
        said = run_program("weir-load", "-n", "5", target)
        assert said.returncode == 0 and "weir's own for development" in said.stdout, said.stdout


def test_unix_socket():
    """http://unix:PATH:/path speaks over a Unix socket."""
    path = scratch("unix") / "origin.sock"
    with ScriptedOrigin(OK, unix=path) as origin:
        report = load("-c", "2", "-n", "10", f"http://unix:{path}:/a")
        assert report["ok"] == 10 and origin.requests[0].target == "/a"


def test_interrupt_ends_with_the_report():
    """SIGINT ends early: what is under way is given up, the report is written, the exit code is that of the failures."""
    with ScriptedOrigin(OK) as origin:
        running = Program("weir-load", "--rps", "100", "--duration", "60", "--json", url(origin))
        origin.wait_requests(10)
        running.signal(signal.SIGINT)
        running.wait_exit(0)
        report = json.loads(running.output)
        assert report["interrupted"] is True and report["failed"] == 0
        assert report["ok"] >= 10 - report["connections"]  # the last answer on each may be under way
        assert report["duration"] < 60


def test_no_process_is_left():
    """When weir-load is killed, its workers end."""
    with ScriptedOrigin(OK) as origin:
        running = Program("weir-load", "--rps", "50", "--workers", "2", "--duration", "60", url(origin))
        origin.wait_requests(4)
        with open(f"/proc/{running.pid}/task/{running.pid}/children", encoding="ascii") as file:
            workers = [int(pid) for pid in file.read().split()]
        assert len(workers) == 2
        running.signal(signal.SIGKILL)
        running.wait_exit(-signal.SIGKILL)

        def gone(pid):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    return file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True

        wait_until(lambda: all(gone(pid) for pid in workers), 10, "the workers to end")


def test_bar_only_on_a_terminal():
    """On a terminal a bar is drawn on standard error; elsewhere not a byte."""
    with ScriptedOrigin(OK) as origin:
        quiet = run_program("weir-load", "--rps", "20", "--duration", "1", url(origin))
        assert quiet.stderr == "" and "\x1b" not in quiet.stdout and "histogram" in quiet.stdout

        controller, terminal = pty.openpty()
        size = struct.pack("HHHH", 24, 100, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        command = [str(program("weir-load")), "--rps", "20", "--duration", "1", url(origin)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal) as process:
            os.close(terminal)
            drawn = b""
            try:
                while chunk := os.read(controller, 4096):
                    drawn += chunk
            except OSError:  # EIO: the terminal's last user has gone
                pass
            assert process.wait(30) == 0
        os.close(controller)
        assert b"[=" in drawn and b"/s" in drawn, drawn
        assert drawn.endswith(b"\x1b[K"), drawn  # and wiped at the end
