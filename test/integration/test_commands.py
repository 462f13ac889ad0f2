"""The commands of the README: make run with its two curl lines, and make install."""

import json
import os
import signal
import socket
import subprocess

from harness import Failure, RawClient, free_ports, limit, mode, run_program, scale, scratch, wait_until
from harness.daemon import child_pids, lives
from harness.support import ROOT

KEY = "X-API-Key: test-api-key-123"
POST = [
    *("curl", "-sk", "-X", "POST", "https://localhost:8443/test", "-H", KEY),
    *("-H", "Content-Type: application/json", "-d", '{"hello": "world"}'),
]
GET = ["curl", "-sk", "https://localhost:8443/test", "-H", KEY]
FIXED_PORTS = (8000, 8001, 8002, 8003, 8080, 8081, 8443)


def taken():
    ports = []
    for port in FIXED_PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                ports.append(port)
    return ports


def fixed_ports():
    """The quick start's ports are fixed: only one test of this machine at a time may use them."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def locked():
        """the quick start's ports to be free of other tests"""
        try:
            lock.bind("\0weir-test-quickstart")
            return True
        except OSError:
            return False

    wait_until(locked, 60)
    wait_until(lambda: not taken(), 10, f"the ports of the quick start to be free (taken: {taken()})")
    return lock


def curl(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=scale(20))
    if done.returncode != 0:
        raise Failure(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def start_run():
    output = scratch("run") / "run.out"
    with open(output, "wb") as file:
        process = subprocess.Popen(
            [str(ROOT / "tools" / "run"), str(ROOT / "build" / mode())],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return process, output


@limit(180)
def test_make_run():
    """make run serves the two curl commands as they stand, refuses without the key, and TERM ends all of it."""
    with fixed_ports():
        process, output = start_run()
        try:

            def ready():
                if process.poll() is not None:
                    raise Failure(f"tools/run ended with {process.returncode}:\n{output.read_text()}")
                return "weir is ready" in output.read_text()

            wait_until(ready, 30, "tools/run to be ready")
            said = output.read_text()
            for command in (POST, GET):  # what it prints is what works
                assert command[-1] in said and "https://localhost:8443/test" in said
            answer = json.loads(curl(POST))
            assert (answer["method"], answer["path"], answer["body"]) == ("POST", "/test", {"hello": "world"})
            assert answer["port"] in range(8000, 8004) and answer["ssl_info"]["protocol"].startswith("TLS")
            names = {name.lower() for name in answer["headers"]}
            assert "x-forwarded-for" in names and "x-api-key" not in names
            assert json.loads(curl(GET))["method"] == "GET"
            assert curl([*GET[:3], "-o", "/dev/null", "-w", "%{http_code}"]) == "401"
            ports = {json.loads(curl(POST))["port"] for _ in range(8)}  # a GET is a hit of the cache
            assert ports == {8000, 8001, 8002, 8003}, ports
            loaded = run_program("weir-load", "--rps", "40", "--duration", "1", "--json")  # what make load does
            assert loaded.returncode == 0, (loaded.stdout, loaded.stderr)
            report = json.loads(loaded.stdout)
            assert (report["ok"], report["requests"], report["method"]) == (40, 40, "POST"), report
            assert report["url"] in POST
            assert report["verified"] is False and report["statuses"] == {"200": 40}
            family = child_pids(process.pid)
            assert len(family) == 2, family
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(scale(30))
        assert process.returncode == 0, output.read_text()
        nobody = run_program("weir-load")
        assert nobody.returncode == 3 and "make run" in nobody.stderr, nobody
        wait_until(lambda: not any(lives(pid) for pid in family), 10, "all of it to have ended")
        assert not taken()


@limit(120)
def test_make_run_says_which_port_is_taken():
    """make run ends with a clear message when a port it needs is taken, and leaves nothing running."""
    for port, message in ((8002, "8002"), (8443, "8443")):
        with fixed_ports(), socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
            process, output = start_run()
            code = process.wait(scale(60))
            said = output.read_text()
            assert code == 1 and message in said and "make run: " in said, said
            squatter.close()
            assert not taken()


@limit(120)
def test_make_install_and_start_as_a_daemon():
    """make install puts everything below DESTDIR, and weir starts from there as a daemon and is stopped again."""
    where = scratch("install")
    environment = dict(os.environ, DESTDIR=str(where), PREFIX="/usr", SYSCONFDIR="/etc")
    install = [str(ROOT / "tools" / "install"), f"build/{mode()}"]
    subprocess.run(install, env=environment, check=True, capture_output=True)
    for path in (
        *("usr/sbin/weir", "usr/bin/weirctl", "usr/bin/weir-echo", "usr/bin/weir-load"),
        *("etc/weir/weir.ini", "etc/logrotate.d/weir", "usr/share/man/man1/weir-load.1"),
        *("usr/share/man/man8/weir.8", "usr/share/man/man5/weir.ini.5", "usr/share/man/man1/weir-echo.1"),
        *("usr/lib/systemd/system/weir.service", "usr/share/bash-completion/completions/weir"),
        *("usr/share/bash-completion/completions/weir-load", "usr/bin/weir-top", "usr/share/man/man8/weir-top.8"),
    ):
        assert (where / path).is_file(), path
    unit = (where / "usr/lib/systemd/system/weir.service").read_text()
    assert "ExecStart=/usr/sbin/weir -g daemon=off" in unit and "@" not in unit
    # what somebody wrote is kept
    (where / "etc/weir/weir.ini").write_text("# mine\n")
    again = subprocess.run(install, env=environment, check=True, capture_output=True, text=True)
    assert (where / "etc/weir/weir.ini").read_text() == "# mine\n" and "is kept" in again.stdout

    weir, prefix, port = where / "usr/sbin/weir", scratch("prefix"), free_ports(1)
    prefix.chmod(0o777)
    (prefix / "run").mkdir()
    (prefix / "weir.ini").write_text(
        f"[main]\npid = run/weir.pid\nstate_path = run\nerror_log = run/error.log info\n"
        f"[admin]\nlisten = unix:run/admin.sock\n"
        f'[server web]\nlisten = 127.0.0.1:{port}\nreturn = 200 "from the installed weir"\n'
    )
    options = ["-p", f"{prefix}/", "-c", "weir.ini"]
    started = subprocess.run([weir, *options], capture_output=True, text=True, timeout=scale(30))
    assert started.returncode == 0, started
    pid = int((prefix / "run/weir.pid").read_text())
    try:
        with RawClient(port) as client:  # it accepts as soon as the parent has ended
            assert b"from the installed weir" in client.request().body
        second = subprocess.run([weir, *options], capture_output=True, text=True, timeout=scale(30))
        assert second.returncode == 1 and str(pid) in second.stderr, second
        status = subprocess.run(
            [where / "usr/bin/weirctl", "-s", prefix / "run/admin.sock", "status"], capture_output=True, text=True
        )
        assert status.returncode == 0 and json.loads(status.stdout), status
    finally:
        stopped = subprocess.run([weir, *options, "-s", "stop"], capture_output=True, text=True, timeout=scale(30))
    assert stopped.returncode == 0, stopped
    wait_until(lambda: not lives(pid), 10, "the daemon to have ended")
    assert not (prefix / "run/weir.pid").exists()
