"""The processes of an instance: who there is, what they may do, who replaces whom, and how it all ends."""

import json
import os
import re
import signal
import socket
import stat

from harness import Daemon, Failure, RawClient, limit, needs_root, run_program, scratch, wait_until
from harness.daemon import lives, title

SITE = """
[server web]
listen = 127.0.0.1:@http@
return = 200 "ok"
"""


def control(path, command):
    """One command on a control socket: the answer, parsed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(json.dumps({"command": command}).encode() + b"\n")
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return json.loads(received)


def private_socket(weir):
    return weir.prefix / "run" / "weir.pid.sock"


def status(weir):
    return control(private_socket(weir), "status")["status"]


def pids(weir, role):
    return [p["pid"] for p in status(weir)["processes"] if p["role"] == role and p["state"] == "ready"]


def test_there_is_one_of_each_helper_and_titles_say_who_is_who():
    """Master, workers, one housekeeper and one logger; ps shows role, number and generation."""
    with Daemon(SITE, workers=3) as weir:
        assert weir.get().body == b"ok"
        roles = weir.children()
        assert {role: len(found) for role, found in roles.items()} == {"worker": 3, "housekeeper": 1, "logger": 1}
        titles = sorted(title(pid) for pid in roles["worker"])
        assert titles == [f"weir: worker {n}, generation 1" for n in range(3)], titles
        assert title(weir.pid).startswith("weir: master ")


@needs_root
def test_workers_have_no_rights_left():
    """Started as root: another user, no groups of root's, no capability, no way back, no inherited descriptor."""
    listener = socket.socket()  # something that a careless parent would leak
    os.set_inheritable(listener.fileno(), True)
    with Daemon(SITE, main="user = nobody") as weir:
        for pid in [p for found in weir.children().values() for p in found]:
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            assert set(facts["Uid"].split()) == {"65534"} and "0" not in facts["Groups"].split(), facts
            assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == int(facts["CapBnd"], 16) == 0
            assert facts["NoNewPrivs"] == "1"
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert not any("weir.pid" in link for link in links), links


@needs_root
def test_workers_stay_root_only_when_it_is_called_insecure():
    """user = root is refused; insecure_root_workers = on allows it."""
    with Daemon(SITE, main="insecure_root_workers = on") as weir:
        assert os.stat(f"/proc/{weir.workers()[0]}").st_uid == 0
        weir.write_config("[main]\ndaemon = off\npid = run/weir.pid\nuser = root\n" + SITE)
        answer = control(private_socket(weir), "reload")
        assert not answer["ok"] and "insecure_root_workers" in answer["error"], answer


def test_a_killed_worker_is_replaced_at_once():
    """SIGKILL from outside: a new worker at once, no back-off, and the log says why."""
    with Daemon(SITE, workers=2, allow=[r"from outside"]) as weir:
        for _ in range(3):
            victim = pids(weir, "worker")[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: len(pids(weir, "worker")) == 2 and victim not in pids(weir, "worker"), 2)
            assert weir.get().body == b"ok"
        weir.wait_log(r"\(SIGKILL\), from outside.*starts at once")
        assert "starts in" not in weir.log


def test_a_worker_that_dies_by_itself_backs_off():
    """A death of its own making soon after READY: at once, then 100 ms, 200 ms ..., and the log says so."""
    with Daemon(SITE, workers=2, allow=[r"of its own making", r"dies of signal"]) as weir:

        def first():
            return [pid for pid in pids(weir, "worker") if title(pid).startswith("weir: worker 0,")]

        for expected in ("at once", "in 100 ms", "in 200 ms"):
            os.kill(wait_until(first, 5)[0], signal.SIGSEGV)
            weir.wait_log(rf"worker 0, .*\(SIGSEGV\).* of its own making.*starts {expected}")
        wait_until(first, 5)
        assert weir.get().body == b"ok"
        assert re.search(r"worker 0, generation 1 dies of signal 11.*; stack:", weir.log)


def test_the_last_worker_is_not_waited_for():
    """Where no other worker is left, a quick death costs 100 ms, however many there were."""
    with Daemon(SITE, allow=[r"of its own making", r"dies of signal"]) as weir:
        for n in range(6):
            os.kill(wait_until(lambda: pids(weir, "worker"), 5)[0], signal.SIGSEGV)
            wait_until(lambda n=n: weir.log.count("a new one starts") > n, 5)
        assert re.findall(r"a new one starts (.*)", weir.log) == ["at once"] + ["in 100 ms"] * 5
        wait_until(lambda: pids(weir, "worker"), 5)


def test_housekeeper_and_logger_are_replaced_and_stay_single():
    """Killed helpers come back, one of each, and lines logged meanwhile are not lost."""
    config = "[log access]\npath = logs/access.log\n" + SITE + "access_log = access\n"
    with Daemon(config, allow=[r"from outside"]) as weir:
        for role in ("logger", "housekeeper"):
            victim = pids(weir, role)[0]
            os.kill(victim, signal.SIGKILL)
            weir.get("/while-" + role)
            wait_until(lambda: pids(weir, role) not in ([], [victim]), 5, f"a new {role}")
            assert len(pids(weir, role)) == 1
        log = weir.prefix / "logs" / "access.log"
        wait_until(lambda: "/while-logger" in log.read_text() and "/while-housekeeper" in log.read_text(), 5)


@limit(60)
def test_the_queue_of_a_stopped_worker_is_taken_over():
    """SIGSTOP: within a moment a sibling polls its queue, so new connections are served; then it is aborted."""
    with Daemon(SITE, main="worker_stall_timeout = 2s", workers=2, allow=[r"stuck|own making|signal"]) as weir:
        victim = pids(weir, "worker")[0]
        os.kill(victim, signal.SIGSTOP)
        weir.wait_log(r"is silent: worker \d polls its accept queues")
        for _ in range(40):
            assert weir.get().body == b"ok"
        weir.wait_log(r"is stuck for \d+ ms: it is aborted")
        wait_until(lambda: not lives(victim) and len(pids(weir, "worker")) == 2, 10)
        weir.wait_log(r"lets go of its accept queues")


@limit(60)
def test_a_helper_that_hangs_is_replaced():
    """SIGSTOP: a housekeeper or logger that stands still for worker_stall_timeout is aborted and another takes its place."""
    with Daemon(SITE, main="worker_stall_timeout = 2s", allow=[r"stuck|silent|own making|signal"]) as weir:
        for role in ("housekeeper", "logger"):
            (victim,) = pids(weir, role)
            os.kill(victim, signal.SIGSTOP)
            wait_until(lambda: not lives(victim) and len(pids(weir, role)) == 1, 20, f"another {role}")
            weir.wait_log(rf"{role} 0 \(pid {victim}\) is stuck for \d+ ms: it is aborted")
            assert weir.get().body == b"ok"


@limit(60)
def test_a_reload_does_not_wait_for_a_housekeeper_that_hangs():
    """SIGSTOP of the housekeeper before a reload: it succeeds all the same, and there is one that works afterwards."""
    with Daemon(SITE, main="worker_stall_timeout = 2s", allow=[r"stuck|silent|own making|signal"]) as weir:
        (victim,) = pids(weir, "housekeeper")
        os.kill(victim, signal.SIGSTOP)
        weir.reload()
        wait_until(lambda: not lives(victim) and len(pids(weir, "housekeeper")) == 1, 20, "another housekeeper")
        assert weir.get().body == b"ok"


def test_a_second_instance_is_refused_with_the_first_ones_pid():
    """The pid file is locked; the second start says who has it and exits 1."""
    with Daemon(SITE) as weir:
        done = run_program("weir", "-p", f"{weir.prefix}/", "-c", weir.config_file)
        assert done.returncode == 1 and f"with pid {weir.pid}" in done.stderr, done.stderr
        assert weir.get().body == b"ok"
        assert int((weir.prefix / "run" / "weir.pid").read_text()) == weir.pid


def test_a_stale_pid_file_does_not_matter():
    """What a killed master left behind is taken over; its workers serve on meanwhile."""
    weir = Daemon(SITE)
    family = [pid for found in weir.children().values() for pid in found]
    workers = weir.workers()
    weir.kill()
    assert all(lives(pid) for pid in family)
    assert weir.get().body == b"ok"  # by a worker without a master
    again = run_program("weir", "-p", f"{weir.prefix}/", "-c", weir.config_file, "-s", "reload")
    assert again.returncode == 7, again.stderr
    second = run_program("weir", "-p", f"{weir.prefix}/", "-c", weir.config_file, "-g", "daemon = on; error_log = logs/error.log")
    assert second.returncode == 0, second.stderr
    for pid in workers:
        os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not any(lives(pid) for pid in family), 10, "the first one's processes to leave")
    assert weir.get().body == b"ok"
    assert run_program("weir", "-p", f"{weir.prefix}/", "-c", weir.config_file, "-s", "stop").returncode == 0


def test_exit_codes_tell_what_went_wrong():
    """0 ok, 1 failure, 2 arguments, 6 configuration, 7 not running."""
    folder = scratch("codes")
    (folder / "run").mkdir()
    good = "[main]\ndaemon = off\npid = run/weir.pid\n[server web]\nlisten = 127.0.0.1:1\nreturn = 200\n"
    (folder / "good.ini").write_text(good)
    (folder / "bad.ini").write_text("[main]\nnonsense = 1\n")
    (folder / "taken.ini").write_text(good.replace("127.0.0.1:1\n", "192.0.2.1:80\n"))
    for arguments, code in [
        (["-t", "-c", "good.ini"], 0),
        (["-v"], 0),
        (["-V"], 0),
        (["-h"], 0),
        (["-c", "taken.ini"], 1),
        (["-x"], 2),
        (["-s", "explode"], 2),
        (["-t", "-c", "bad.ini"], 6),
        (["-c", "bad.ini"], 6),
        (["-t", "-c", "absent.ini"], 6),
        (["-s", "reload", "-c", "good.ini"], 7),
        (["-s", "stop", "-c", "bad.ini", "-g", "pid=run/weir.pid"], 7),
    ]:
        done = run_program("weir", "-p", f"{folder}/", *arguments, cwd=folder)
        assert done.returncode == code, (arguments, done.returncode, done.stderr)


def test_the_daemon_starts_and_ends_truthfully():
    """The parent exits 0 only when workers accept; -s stop returns when all are gone; errors reach the shell."""
    folder = scratch("daemon")
    folder.chmod(0o777)
    port = Daemon.port.__globals__["free_port"]()
    config = folder / "weir.ini"
    config.write_text(
        f"[main]\npid = weir.pid\nerror_log = error.log\nstate_path = .\n"
        f"[server web]\nlisten = 127.0.0.1:{port}\nreturn = 200 up\n"
    )
    arguments = ["-p", f"{folder}/", "-c", "weir.ini"]
    done = run_program("weir", *arguments)
    assert done.returncode == 0, done.stderr
    with RawClient(port) as client:
        assert client.request().body == b"up"
    pid = int((folder / "weir.pid").read_text())
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    again = run_program("weir", *arguments)
    assert again.returncode == 1 and f"with pid {pid}" in again.stderr
    stopped = run_program("weir", *arguments, "-s", "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert not lives(pid) and not (folder / "weir.pid").exists()
    config.write_text(config.read_text().replace(f"127.0.0.1:{port}", "192.0.2.1:80"))
    failed = run_program("weir", *arguments)
    assert failed.returncode == 1 and "192.0.2.1:80" in failed.stderr, failed.stderr


def test_the_control_socket_answers_and_refuses():
    """Status, reopen and errors as JSON lines; a line that is not a request, or has no end, is refused."""
    with Daemon("[admin]\nlisten = unix:run/admin.sock mode=0660\n" + SITE) as weir:
        admin = weir.prefix / "run" / "admin.sock"
        assert stat.S_IMODE(admin.stat().st_mode) == 0o660
        assert stat.S_IMODE(private_socket(weir).stat().st_mode) == 0o600
        answer = control(admin, "status")
        assert answer["ok"] and answer["status"]["master"]["pid"] == weir.pid
        assert control(admin, "reopen")["ok"]
        assert control(admin, "explode")["ok"] is False
        with RawClient(admin) as client:
            client.send(b"x" * 5000)
            client.expect_closed()
        assert weir.get().body == b"ok"


def test_the_housekeeper_answers_the_admin_port():
    """GET /status is JSON with counters, /healthz says ok; anything else is refused; nothing can be changed."""
    with Daemon("[admin]\nlisten = 127.0.0.1:@admin@\n" + SITE) as weir:
        for _ in range(3):
            weir.get()
        health = weir.get("/healthz", name="admin")
        assert (health.status, health.body) == (200, b"ok\n")
        answer = weir.get("/status", name="admin")
        assert answer["Content-Type"] == "application/json"
        document = json.loads(answer.body)
        assert document["counters"]["requests"] == 3 and document["generation"] == 1
        assert weir.get("/reload", name="admin").status == 404
        assert weir.get("/status", name="admin", method="POST").status == 405
        with weir.connect("admin") as client:
            client.send(b"GET /status HTTP/1.1\nHost: a\n\n")
            assert client.read_response().status == 400


def test_weirctl_does_what_its_manual_says():
    """status, reload, reopen, check-zones, hash-key, stop and the exit codes."""
    with Daemon(SITE) as weir:
        base = ["-p", f"{weir.prefix}/", "-c", "weir.ini"]
        assert json.loads(run_program("weirctl", *base, "status").stdout)["generation"] == 1
        assert "generation 2 serves" in run_program("weirctl", *base, "reload").stdout
        assert run_program("weirctl", *base, "reopen").returncode == 0
        zones = run_program("weirctl", *base, "check-zones")
        assert zones.returncode == 0 and "slots: ok" in zones.stdout, zones.stdout
        assert run_program("weir", *base, "--check-zones").returncode == 0
        line = "demo sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464\n"
        assert run_program("weirctl", "hash-key", "demo", "test-api-key-123").stdout == line
        assert run_program("weirctl", "hash-key", "demo", stdin="test-api-key-123\n").stdout == line
        assert run_program("weirctl", "hash-key", "de mo", "x").returncode == 2
        assert run_program("weirctl").returncode == 2
        assert run_program("weirctl", "-s", "/nonexistent.sock", "status").returncode == 7
        assert run_program("weirctl", *base, "stop").returncode == 0
        weir.wait_exit(0)


def test_term_ends_at_once_and_quit_waits_for_what_is_being_answered():
    """QUIT lets a half-sent request finish; TERM gives it two seconds."""
    for number, finished in ((signal.SIGQUIT, True), (signal.SIGTERM, False)):
        with Daemon(SITE) as weir:
            with weir.connect() as client:
                client.send("GET / HTTP/1.1\r\nHost: a\r\n")
                wait_until(lambda: status(weir)["counters"]["connections_active"] == 1, 5)
                weir.signal(number)
                weir.wait_log(r"SIG(QUIT|TERM) from pid")
                if finished:
                    client.send("\r\n")
                    assert client.read_response().status == 200
                weir.wait_exit(0, 5)


def test_logs_are_reopened_without_losing_a_line():
    """Rename and USR1 under way: every request is in exactly one of the two files."""
    config = "[log access]\npath = logs/access.log\n" + SITE + "access_log = access\n"
    with Daemon(config, workers=2) as weir:
        log, old = weir.prefix / "logs" / "access.log", weir.prefix / "logs" / "access.log.1"
        for n in range(200):
            weir.get(f"/{n}")
            if n == 100:
                log.rename(old)
                weir.signal(signal.SIGUSR1)
        wait_until(lambda: log.exists() and len((old.read_text() + log.read_text()).splitlines()) == 200, 5)
        seen = re.findall(r'"GET /(\d+) HTTP/1.1" 200', old.read_text() + log.read_text())
        if sorted(map(int, seen)) != list(range(200)):
            raise Failure(f"{len(seen)} lines")


def test_an_unknown_user_is_found_by_the_test():
    """As root: -t and a reload refuse a user that does not exist, with its line, and what serves goes on."""
    if os.geteuid() != 0:
        return  # without root the account is not needed
    with Daemon(SITE) as weir:
        arguments = ["-p", f"{weir.prefix}/", "-c", "weir.ini"]
        text = weir.config_file.read_text().replace("[main]\n", "[main]\nuser = no-such-account\n", 1)
        weir.config_file.write_text(text)
        for more in (["-t"], ["-s", "reload"]):
            done = run_program("weir", *arguments, *more)
            assert done.returncode == 6 and "user \"no-such-account\" is unknown" in done.stderr, done.stderr
            assert "weir.ini:2" in done.stderr, done.stderr
        assert weir.get().status == 200
