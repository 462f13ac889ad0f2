"""Health that all workers share: probes and their states, passive ejection, agents, reload, a housekeeper that dies."""

import contextlib
import os
import re
import signal
import socket
import ssl
import threading
import time

from harness import Daemon, Echo, RawClient, ScriptedOrigin, certificate, run_program, verdict, wait_until

FAST = "interval=100ms timeout=1s fails=3 passes=2"


def is_open(sock):
    """Whether the other side has not ended the connection yet."""
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


class Origin(ScriptedOrigin):
    """Answers requests with its name and probes (/healthz) as it is told to; may change its mind at any time."""

    def __init__(self, name, tls=False, health="200", port=None, host="127.0.0.1"):
        self.name = name
        self.health = health  # a status, with a body behind it; "close", "silent"
        self.serves = True  # False: connections are closed in the middle of a request
        self.fields = ""  # of the answer to a probe
        self.silent = []  # probes that get no answer
        self.overlaps = 0  # probes that came while another was open
        self.gate = None  # requests (no probes) are answered when it is set
        super().__init__(self._talk, tls=tls, port=port, host=host)

    def _talk(self, connection):
        connection.resumed = getattr(connection.sock, "session_reused", None)
        while True:
            request = connection.read_request()
            probe = request.target.startswith("/healthz")
            if (self.health == "close") if probe else not self.serves:
                return
            if probe and self.health == "silent":
                self.overlaps += any(is_open(other.sock) for other in self.silent)
                self.silent.append(connection)
                connection.read_to_end()
                return
            if self.gate and not probe:
                self.gate.wait(30)
            status, _, body = self.health.partition(" ") if probe else ("200", "", self.name)
            fields = f"Content-Length: {len(body)}\r\n{self.fields if probe else ''}"
            connection.send(f"HTTP/1.1 {status} X\r\n{fields}\r\n{body}".encode())

    @property
    def resumed(self):
        """Of each TLS connection whose handshake is over, in the order in which they came: whether it resumed a session."""
        return [c.resumed for c in list(self.connections) if hasattr(c, "resumed")]

    @property
    def probes(self):
        return [r for r in self.requests if r.target.startswith("/healthz")]

    def served(self):
        return len([r for r in self.requests if not r.target.startswith("/healthz")])


def config(*origins, check=f"uri=/healthz {FAST}", upstream="", options="max_fails=0"):
    lines = "\n".join(f"server = {o if isinstance(o, str) else o.address} {options}" for o in origins)
    return f"""
[upstream app]
{lines}
{f'health_check = {check}' if check else ''}
{upstream}
[server web]
listen = 127.0.0.1:@http@
upstream = app
"""


def is_said(weir, origin, what):
    return re.search(rf"upstream app: {re.escape(origin.address)} {what}", weir.log)


def wait_said(weir, origin, what, limit=10.0):
    return weir.wait_log(rf"upstream app: {re.escape(origin.address)} {what}.*", limit)[0]


def count_said(weir, origin, what):
    return len(re.findall(rf"upstream app: {re.escape(origin.address)} {what}", weir.log))


def served_by(weir, count=20):
    """Who answers `count` requests, each on a connection of its own; a status for who does not."""
    answers = [weir.get("/") for _ in range(count)]
    return {a.text if a.status == 200 else str(a.status) for a in answers}


# States


def test_states_by_name_and_one_line_for_each_change():
    """NOT_INITIATED, HEALTHY after `passes`, UNREACHABLE after `fails`, HEALTHY again: a line each, with the reason."""
    with Origin("a") as a, Origin("b") as b:
        with Daemon(config(a, b)) as weir:
            line = wait_said(weir, a, "is HEALTHY")
            assert "2 checks passed (was NOT_INITIATED for " in line, line
            wait_said(weir, b, "is HEALTHY")
            assert served_by(weir) == {"a", "b"}
            b.health = "503"
            line = wait_said(weir, b, "is UNREACHABLE")
            assert "3 checks failed, the last: status 503 (was HEALTHY for " in line, line
            # workers learn with the next request
            assert served_by(weir) == {"a"}
            b.health = "200"
            wait_until(lambda: count_said(weir, b, "is HEALTHY") == 2, 10, "b to be healthy again")
            assert "(was UNREACHABLE for " in weir.log
            assert served_by(weir) == {"a", "b"}
            assert count_said(weir, b, "is UNREACHABLE") == 1
            assert count_said(weir, a, "is HEALTHY") == 1


def test_a_peer_never_healthy_stays_not_initiated():
    """However often a peer fails that was never healthy, it stays NOT_INITIATED."""
    with Origin("a") as a, Origin("b", health="500") as b:
        with Daemon(config(a, b, check=f"uri=/healthz {FAST} fails=2".replace("fails=3 ", ""))) as weir:
            line = wait_said(weir, b, "stays NOT_INITIATED")
            assert line.endswith("its check failed: status 500"), line
            wait_said(weir, a, "is HEALTHY")
            wait_until(lambda: len(b.probes) > 8, 10, "more probes of b")
            assert not is_said(weir, b, "is UNREACHABLE")
            assert count_said(weir, b, "stays NOT_INITIATED") == 1
            assert served_by(weir) == {"a"}
            b.health = "200"
            assert "was NOT_INITIATED" in wait_said(weir, b, "is HEALTHY")
            assert served_by(weir) == {"a", "b"}


def test_before_its_first_probe_a_peer_is_a_last_resort():
    """A peer whose first probe has not ended is used when there is no other, also with when_all_down = fail."""
    with Origin("a", health="silent") as a, Origin("b") as b:
        check = "uri=/healthz interval=100ms timeout=20s"
        with Daemon(config(a, b, check=check, upstream="when_all_down = fail")) as weir:
            wait_said(weir, b, "is HEALTHY")
            assert served_by(weir) == {"b"}
            b.health = "500"
            wait_said(weir, b, "is UNREACHABLE")
            assert served_by(weir) == {"a"}


def test_a_peer_that_has_passed_its_first_probe_is_still_a_last_resort():
    """passes=2: between the first and the second probe that passes nobody is turned away."""
    with Origin("a") as a:
        check = "uri=/healthz interval=30s jitter=0 passes=2"
        with Daemon(config(a, check=check, upstream="when_all_down = fail")) as weir:
            wait_until(lambda: len(a.probes) == 1, 10, "the first probe")
            assert served_by(weir) == {"a"}
            assert not is_said(weir, a, "is HEALTHY")


def test_when_all_are_down():
    """when_all_down = fail: 503 with Retry-After, no peer is asked; try: all are."""
    with Origin("a", health="500") as a, Origin("b", health="500") as b:
        with Daemon(config(a, b, upstream="when_all_down = fail")) as weir:
            for origin in (a, b):
                wait_said(weir, origin, "stays NOT_INITIATED")
            answer = weir.get("/")
            assert answer.status == 503 and answer.has("Retry-After"), answer
            assert a.served() + b.served() == 0
            weir.reload(config(a, b, upstream="when_all_down = try"))
            assert served_by(weir) == {"a", "b"}


# What probes are


def test_probes_say_who_they_are_and_never_overlap():
    """Method, Host, X-Forwarded-For, User-Agent, own fields; one at a time, though the timeout exceeds the interval."""
    with Origin("a") as a:
        check = 'uri=/healthz?x=1 method=HEAD host=app.example header="X-Key: k e y" interval=100ms timeout=300ms'
        with Daemon(config(a, check=check)) as weir:
            wait_said(weir, a, "is HEALTHY")
            probe = a.probes[0]
            assert (probe.method, probe.target) == ("HEAD", "/healthz?x=1"), probe
            assert probe["Host"] == "app.example"
            assert probe["X-Forwarded-For"] == "127.0.0.1"
            assert re.fullmatch(r"weir/\S+ health check", probe["User-Agent"])
            assert probe["X-Key"] == "k e y"
            assert probe["Connection"] == "close"
            a.health = "silent"
            wait_until(lambda: len(a.silent) >= 4, 20, "probes without an answer")
            assert a.overlaps == 0


def test_an_origin_that_refuses_direct_access_is_healthy():
    """The sample origin answers only what came through a proxy, but for X-Forwarded-For of a probe."""
    with Echo(open=False) as echo:
        with Daemon(config(echo.address, check=f"uri=/anything {FAST}")) as weir:
            weir.wait_log(rf"{re.escape(echo.address)} is HEALTHY")


def test_what_a_probe_may_expect():
    """Statuses, text in the body, a regex over it: each reason by name."""
    cases = [
        ("status=204,300-302", "200", "status 200"),
        ("status=204,300-302", "302", None),
        ("status=404", "404", None),
        ("body=ready", "200 not yet", "the body does not have the text"),
        ("body=ready", "200 I am ready.", None),
        (r'body_regex="^up: \\d+$"', "200 up: x", "the body does not match"),
        (r'body_regex="^up: \\d+$"', "200 up: 12", None),
        ("body=ready body_max=4", "200 1234ready", "the body does not have the text"),
        ("", "close", "closed before an answer"),
        ("timeout=200ms", "silent", "no answer in time"),
    ]
    origins = [Origin(str(i), health=health) for i, (_, health, _) in enumerate(cases)]
    groups = "".join(
        f"[upstream g{i}]\nserver = {origin.address}\n"
        f"health_check = uri=/healthz interval=100ms passes=1 {options}\n"
        for i, (origin, (options, _, _)) in enumerate(zip(origins, cases))
    )
    with Daemon(groups + "[server web]\nlisten = 127.0.0.1:@http@\nreturn = 204\n") as weir:
        for i, (_, _, reason) in enumerate(cases):
            expected = f"stays NOT_INITIATED: its check failed: {reason}$" if reason else "is HEALTHY"
            weir.wait_log(rf"upstream g{i}: \S+ {expected}")
    for origin in origins:
        origin.stop()


def test_answers_that_are_none_fail_a_probe():
    """What the strict parser refuses is no sign of health, nor is an answer without end."""
    answers = {
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n": r"[a-z].*",
        b"hello\r\n\r\n": r"[a-z].*",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx": r"[a-z].*",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20: "too many interim answers",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100000: r"[a-z].*",
    }
    origins = [ScriptedOrigin(answer) for answer in answers]
    groups = "".join(
        f"[upstream g{i}]\nserver = {origin.address}\nhealth_check = interval=100ms passes=1\n"
        for i, origin in enumerate(origins)
    )
    with Daemon(groups + "[server web]\nlisten = 127.0.0.1:@http@\nreturn = 204\n") as weir:
        for i, reason in enumerate(answers.values()):
            weir.wait_log(rf"upstream g{i}: \S+ stays NOT_INITIATED: its check failed: {reason}")
    for origin in origins:
        origin.stop()


def test_tcp_and_its_port():
    """tcp: a connection is enough; port= says where."""
    with Origin("a", health="500") as a, Origin("b") as b:
        with Daemon(config(a, check=f"tcp {FAST}")) as weir:
            wait_said(weir, a, "is HEALTHY")
            assert not a.requests
            weir.reload(config(a, check=f"uri=/healthz {FAST} port={b.port}"))
            wait_until(lambda: b.probes, 10, "a probe at the other port")
            assert b.probes[0]["Host"] == f"127.0.0.1:{b.port}"
            assert served_by(weir) == {"a"}
            assert not is_said(weir, a, "is UNREACHABLE")
            b.stop()
            line = wait_said(weir, a, "is UNREACHABLE")
            assert "connection refused" in line, line


def test_over_tls():
    """Probes use the upstream's TLS: http over it, tls for the handshake alone, and verification is part of health."""
    authority = certificate("authority", ca=True)
    contexts = []
    for name in ("localhost", "other.example"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(name, issuer=authority))
        contexts.append(context)
    ca = authority[0].read_text()
    tls = "ssl = on\nssl_name = localhost\nssl_trusted_certificate = ca.pem"
    with Origin("a", tls=contexts[0]) as a, Origin("b", tls=contexts[1]) as b, Origin("c") as c:
        with Daemon(config(a, b, c, upstream=tls), files={"ca.pem": ca}) as weir:
            wait_said(weir, a, "is HEALTHY")
            for origin in (b, c):
                wait_said(weir, origin, "stays NOT_INITIATED")
            assert served_by(weir) == {"a"}
            assert a.probes[0]["Host"] == f"127.0.0.1:{a.port}"
            weir.reload(config(a, b, c, check=f"tls {FAST}", upstream=tls))
            before = len(a.probes)
            connections = len(a.connections)
            wait_until(lambda: len(a.connections) > connections + 3, 10, "handshakes")
            assert len(a.probes) <= before + 1
            assert not is_said(weir, b, "is HEALTHY") and not is_said(weir, c, "is HEALTHY")
        b.errors.clear()
        c.errors.clear()
        a.errors.clear()


def test_probes_resume_tls():
    """After the first handshake with a peer probes resume its session, over HTTP and of kind tls, in TLS 1.3 and 1.2."""
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        for check in (f"uri=/healthz {FAST}", f"tls {FAST}"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.maximum_version = version
            pair = certificate("localhost")
            context.load_cert_chain(*pair)
            tls = "ssl = on\nssl_name = localhost\nssl_trusted_certificate = ca.pem"
            with Origin("a", tls=context) as a:
                with Daemon(config(a, check=check, upstream=tls), files={"ca.pem": pair[0].read_text()}) as weir:
                    wait_said(weir, a, "is HEALTHY")
                    wait_until(lambda: len(a.resumed) >= 6, 10, "probes")
                    assert a.resumed[:6] == [False] + 5 * [True], (version, check, a.resumed)
                    weir.reload(config(a, check=check, upstream=tls + "\nssl_session_reuse = off"))
                    before = len(a.resumed) + 1  # one of before the reload may be among the next
                    wait_until(lambda: len(a.resumed) >= before + 4, 10, "probes after the reload")
                    assert not any(a.resumed[before:]), a.resumed
                    assert not is_said(weir, a, "is UNREACHABLE")


def test_what_the_check_of_the_configuration_says():
    """A wrong regex or option is an error with file and line."""
    with Daemon("[server web]\nlisten = 127.0.0.1:@http@\nreturn = 204\n") as weir:
        text = weir.config_file.read_text()
        cases = (("body_regex=(", "the regex is wrong"), ("udp", "unknown word"), ("status=9", "is not a status"))
        for value, said in cases:
            weir.config_file.write_text(text + f"[upstream app]\nserver = 127.0.0.1:1\nhealth_check = {value}\n")
            done = run_program("weir", "-p", f"{weir.prefix}/", "-c", str(weir.config_file), "-t")
            lines = len(text.splitlines()) + 3
            assert done.returncode == 6, done
            assert f"weir.ini:{lines}" in done.stderr + done.stdout and said in done.stderr + done.stdout, done


# What outlives what


def test_reload_keeps_states():
    """Over a reload a healthy peer stays healthy and a dead one dead, without a line; a new one begins anew."""
    with Origin("a") as a, Origin("b") as b, Origin("c", health="silent") as c:
        slow = "uri=/healthz interval=30s passes=1 fails=1"
        with Daemon(config(a, b, check=f"uri=/healthz {FAST}")) as weir:
            for origin in (a, b):
                wait_said(weir, origin, "is HEALTHY")
            b.health = "503"
            wait_said(weir, b, "is UNREACHABLE")
            weir._workers = 3  # other workers, and more of them
            weir.reload(config(a, b, c, check=slow, upstream="when_all_down = fail"))
            assert served_by(weir) == {"a"}  # c is not known yet: no need for it
            assert count_said(weir, a, "is HEALTHY") == 1 and count_said(weir, b, "is UNREACHABLE") == 1
            # without a check nothing that was found by one keeps a peer out
            weir.reload(config(a, b, c, check=""))
            assert served_by(weir, 30) == {"a", "b", "c"}


def test_a_killed_housekeeper_takes_nothing_with_it():
    """kill -9 of housekeeper and worker: states stay as they are, the successor goes on probing, nobody flaps."""
    with Origin("a") as a, Origin("b") as b:
        with Daemon(config(a, b), allow=["from outside|signal 9|SIGKILL"]) as weir:
            for origin in (a, b):
                wait_said(weir, origin, "is HEALTHY")
            b.health = "503"
            wait_said(weir, b, "is UNREACHABLE")
            for _ in range(2):
                (keeper,) = weir.children()["housekeeper"]
                os.kill(keeper, signal.SIGKILL)
                assert served_by(weir, 5) == {"a"}
                wait_until(lambda: weir.children().get("housekeeper", [keeper]) != [keeper], 10, "another housekeeper")
                assert served_by(weir, 5) == {"a"}
            (worker,) = weir.workers()
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda: weir.workers() not in ([worker], []), 10, "another worker")
            assert served_by(weir, 5) == {"a"}
            probes = len(a.probes)
            wait_until(lambda: len(a.probes) > probes + 3, 10, "probes by the successor")
            b.health = "200"
            wait_until(lambda: count_said(weir, b, "is HEALTHY") == 2, 10, "b to be healthy again")
            assert count_said(weir, a, "is HEALTHY") == 1 and count_said(weir, a, "is UNREACHABLE") == 0
            assert count_said(weir, b, "is UNREACHABLE") == 1


def test_a_stopped_housekeeper_means_that_nothing_is_known():
    """SIGSTOP of the housekeeper: what probes found is void after a while; workers say so, and again when it is back."""
    with Origin("a") as a, Origin("b", health="503") as b:
        main = "worker_stall_timeout = 1h"
        with Daemon(config(a, b), main=main) as weir:
            wait_said(weir, a, "is HEALTHY")
            wait_said(weir, b, "stays NOT_INITIATED")
            assert served_by(weir) == {"a"}
            (keeper,) = weir.children()["housekeeper"]
            os.kill(keeper, signal.SIGSTOP)
            try:
                wait_until(lambda: served_by(weir, 2) == {"a", "b"}, 20, "requests to both")
                assert len(re.findall("upstream app: nobody checks the health of peers any more", weir.log)) == 1
            finally:
                os.kill(keeper, signal.SIGCONT)
            wait_until(lambda: weir.get("/") and "the health of peers is checked again" in weir.log, 10, "checks again")
            assert served_by(weir) == {"a"}


# Passive


def test_workers_learn_of_a_failure_of_one_of_them():
    """A peer that failed a request of one worker is left out by all: the others need no failure of their own."""
    with Origin("a") as a, Origin("b") as b:
        with Daemon(config(a, b, check="", options="fail_timeout=10m"), workers=2) as weir:
            b.serves = False
            failed = []
            until = time.monotonic() + 1.0
            begun = None
            while begun is None or time.monotonic() < until:
                if weir.get("/").status == 502:
                    failed.append(time.monotonic())
                    if begun is None:
                        begun, until = failed[0], failed[0] + 1.0
            line = wait_said(weir, b, "is left out for 10m")
            assert line.endswith("failures of requests within 10m, the last: error") or line.endswith(
                "1 failure of requests within 10m, the last: error"
            ), line
            assert count_said(weir, b, "is left out") == 1
            assert served_by(weir, 40) == {"a"}
            verdict("HLT", f"2 workers: last failed request {1000 * (failed[-1] - begun):.1f} ms after the first")


def test_statuses_count_where_they_are_chosen():
    """fail_on: a status of failure leaves a peer out only where the line has it; max_fails says after how many."""

    def bad(connection):
        while True:
            connection.read_request()
            connection.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")

    with Origin("a") as a, ScriptedOrigin(bad) as b:
        plain = config(a, b, check="", options="max_fails=3 fail_timeout=10m")
        with Daemon(plain) as weir:
            assert served_by(weir, 20) == {"a", "500"}
            assert "left out" not in weir.log
            weir.reload(config(a, b, check="", options="max_fails=3 fail_timeout=10m", upstream="fail_on = http_500"))
            answers = [weir.get("/").status for _ in range(4)]
            assert answers.count(500) == 2 and not is_said(weir, b, "is left out")
            wait_until(lambda: weir.get("/") and is_said(weir, b, "is left out"), 10, "b to be left out")
            line = wait_said(weir, b, "is left out for 10m")
            count = re.search(r"(\d+) failures of requests within 10m, the last: http_500", line)
            assert count and int(count[1]) >= 3, line
            assert served_by(weir) == {"a"}


def test_no_more_than_half_of_a_group_is_left_out():
    """max_ejected: of four peers that all fail two are left out, the rest goes on."""
    origins = [Origin(name) for name in "abcd"]
    with Daemon(config(*origins, check="", options="fail_timeout=10m")) as weir:
        assert served_by(weir) == set("abcd")
        for origin in origins:
            origin.serves = False
        for _ in range(40):
            weir.get("/")
        weir.wait_log("fails and stays: 2 of 4 are left out")
        assert weir.log.count("is left out for 10m") == 2
        for origin in origins:
            origin.serves = True
        assert len(served_by(weir, 40)) == 2
    for origin in origins:
        origin.stop()


def test_who_was_left_out_comes_back():
    """After fail_timeout a peer is used again, slowly where slow_start says so."""
    with Origin("a") as a, Origin("b") as b:
        with Daemon(config(a, b, check="", options="fail_timeout=300ms slow_start=1h")) as weir:
            b.serves = False
            wait_until(lambda: weir.get("/").status == 502, 10, "a failure")
            wait_said(weir, b, "is left out for 300ms")
            b.serves = True
            wait_said(weir, b, "is used again, after 300ms")
            before = b.served()
            wait_until(lambda: weir.get("/").text == "b", 30, "b to serve again")
            answers = [weir.get("/").text for _ in range(100)]
            assert answers.count("b") <= 10, answers.count("b")  # 1/64 of its weight at first
            assert b.served() > before


# Load


def test_who_says_that_it_is_busy_gets_less():
    """X-Load and endpoint-load-metrics in the answers to probes: least_load sends requests where most is left."""
    with Origin("a") as a, Origin("b") as b, Origin("c") as c:
        a.fields = "X-Load: cpu=0.9 mem=0.2\r\n"
        b.fields = "X-Load: cpu=0.1 mem=0.2\r\n"
        c.fields = "endpoint-load-metrics: TEXT cpu_utilization=0.5, mem_utilization=0.6\r\n"
        text = config(a, b, c, upstream="balance = least_load")

        def heard(count=3):
            marks = [len(origin.probes) for origin in (a, b, c)]
            wait_until(lambda: all(len(o.probes) > n + count for o, n in zip((a, b, c), marks)), 20, "probes of all")

        with Daemon(text, workers=2) as weir:
            for origin in (a, b, c):
                wait_said(weir, origin, "is HEALTHY")
            # one request at a time: nobody but the one with most left, in both workers
            wait_until(lambda: served_by(weir, 20) == {"b"}, 20, "all requests at the idle one")
            b.fields = "X-Load: cpu=0.95 mem=0.2\r\n"
            heard()
            wait_until(lambda: served_by(weir, 20) == {"c"}, 20, "all requests at the next one")
            a.fields = b.fields = c.fields = ""  # who says nothing any more is believed no longer after a while
            wait_until(lambda: served_by(weir, 60) == {"a", "b", "c"}, 20, "requests at all")

    # many at a time: shares are as what is left, three to one
    gate = threading.Event()
    with Origin("a") as a, Origin("b") as b:
        a.fields, b.fields = "X-Load: cpu=0.75\r\n", "X-Load: cpu=0.25\r\n"
        a.gate = b.gate = gate
        with Daemon(config(a, b, upstream="balance = least_load")) as weir, contextlib.ExitStack() as stack:
            for origin in (a, b):
                wait_said(weir, origin, "is HEALTHY")
            # a request of its own shows that the worker knows: whoever is idle gets it
            gate.set()
            wait_until(lambda: served_by(weir, 5) == {"b"}, 20, "all requests at the idle one")
            gate.clear()
            before = a.served(), b.served()
            clients = [stack.enter_context(RawClient(weir.port("http"))) for _ in range(80)]
            for client in clients:
                client.send_request()
            wait_until(lambda: a.served() + b.served() == sum(before) + 80, 20, "all requests at the origins")
            gate.set()
            for client in clients:
                assert client.read_response().status == 200
            assert abs(a.served() - before[0] - 20) <= 1, (a.served(), b.served(), before)


# Agents


class Agent:
    """Says a line to whoever connects, as HAProxy's agent-check has it."""

    def __init__(self, line, host="127.0.0.1", port=0):
        self.line = line
        self.asked = 0
        self.listener = socket.create_server((host, port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self.line.encode() + b"\n")
            self.asked += 1

    def say(self, line):
        self.line = line
        asked = self.asked
        wait_until(lambda: self.asked > asked + 1, 10, "the agent to be asked")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def agent_config(a, b, agent):
    # one port for all peers of a group: here the peers differ by group
    return f"""
[upstream app]
server = {b.address} max_fails=0
health_check = tcp interval=100ms passes=1 agent_port={agent.port}
when_all_down = fail
[upstream other]
server = {a.address}
[server web]
listen = 127.0.0.1:@http@
upstream = app
"""


def test_agents_are_obeyed():
    """agent-check: down and up, drain, maint and ready, maxconn, weights; what cannot be read changes nothing."""
    with Origin("a") as a, Origin("b") as b, Agent("up 100%") as agent:
        with Daemon(agent_config(a, b, agent)) as weir:
            wait_said(weir, b, "is HEALTHY")
            assert served_by(weir, 3) == {"b"}
            for line, said, works in (
                ("down # no database", "says down: no database of itself", False),
                ("up", "says up of itself", True),
                ("maint", "says maint of itself", False),
                ("ready", "says ready of itself", True),
                ("drain", "says drain of itself", False),
                ("up ready 50%", "says ready of itself", True),
            ):
                before = count_said(weir, b, said)
                agent.line = line
                wait_until(lambda: count_said(weir, b, said) > before, 10, f"weir to hear {line!r}")
                assert (served_by(weir, 3) == {"b"}) == works, line
            agent.say("up nonsense")
            wait_log = weir.wait_log(r"the agent of \S+ does not answer: the agent's line is malformed")
            assert wait_log and served_by(weir, 3) == {"b"}
            # a reload without it makes what it said void
            agent.line = "maint"
            wait_until(lambda: served_by(weir, 1) == {"503"}, 10, "maintenance")
            weir.reload(agent_config(a, b, agent).replace(f" agent_port={agent.port}", ""))
            wait_until(lambda: served_by(weir, 1) == {"b"}, 10, "the peer to be used again")


def test_weights_by_agents():
    """25 % of an agent is a quarter of the peer's weight, 0 % none at all."""
    with Origin("a") as a, Origin("b", host="127.0.0.2") as b:
        with Agent("up 100%") as first, Agent("up 25%", host="127.0.0.2", port=first.port) as second:
            check = f"tcp interval=100ms passes=1 agent_port={first.port}"
            with Daemon(config(a, b, check=check)) as weir:
                for origin in (a, b):
                    wait_said(weir, origin, "is HEALTHY")
                for agent in (first, second):
                    agent.say(agent.line)
                answers = [weir.get("/").text for _ in range(50)]
                assert answers.count("b") == 10, answers.count("b")
                second.say("0%")
                wait_until(lambda: served_by(weir, 5) == {"a"}, 10, "a alone")
                second.say("100%")
                wait_until(lambda: served_by(weir, 5) == {"a", "b"}, 10, "both again")


def test_max_conns_by_an_agent():
    """maxconn:1 of an agent: a second request at the same time finds no room."""

    gate = threading.Event()

    def slow(connection):
        while True:
            connection.read_request()
            gate.wait(20)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb")

    with Origin("a") as a, ScriptedOrigin(slow) as b, Agent("maxconn:1") as agent:
        with Daemon(agent_config(a, b, agent)) as weir:
            wait_said(weir, b, "is HEALTHY")
            asked = agent.asked
            wait_until(lambda: agent.asked > asked + 1, 10, "the agent to be asked")
            with RawClient(weir.port("http")) as first:
                first.send_request()
                b.wait_requests(1)
                assert weir.get("/").status in (502, 503)
                gate.set()
                assert first.read_response().status == 200
            assert weir.get("/").status == 200
