"""The real programs under test: started in a scratch prefix, awaited by condition, stopped, checked for a clean end."""

import os
import pathlib
import re
import signal
import socket
import subprocess

from .client import RawClient
from .ports import free_port, free_ports
from .support import ROOT, Failure, mode, scale, scratch, wait_until

# What a sanitizer or the daemon itself prints when something is wrong, whatever the exit code says.
ALARMS = re.compile(
    r"ERROR: (?:Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed|"
    r"terminate called|exited on signal|\[(?:emerg|alert|crit)\]"
)

_running = []
_started = []


def program(name):
    path = ROOT / "build" / mode() / name
    if not path.exists():
        raise Failure(f"{path} is not built (make MODE={mode()} all)")
    return path


def running():
    """Programs that were started and not stopped yet (the runner stops them)."""
    return list(_running)


def started():
    """Every program of this test, stopped or not (their output goes into a failure's report)."""
    return list(_started)


class Program:
    """One child process with its output in a file."""

    def __init__(self, name, *arguments, cwd=None, environment=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.folder = pathlib.Path(cwd or scratch(name))
        self.output_file = scratch("out") / f"{name}.out"
        # an instrumented worker that dies must say why and must not be taken for a clean end
        env = dict(os.environ, ASAN_OPTIONS="abort_on_error=1:detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
        env.update(environment or {})
        with open(self.output_file, "wb") as output:
            self.process = subprocess.Popen(
                [str(program(name)), *map(str, arguments)],
                cwd=self.folder,
                env=env,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self.process.pid
        _running.append(self)
        _started.append(self)

    @property
    def output(self):
        return self.output_file.read_text(errors="replace")

    def wait_output(self, pattern, limit=10.0):
        """Waits for a line that matches the regular expression; returns the match."""
        return wait_until(lambda: re.search(pattern, self.output, re.M), limit, f"{self.name} to say {pattern!r}")

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, code=0, limit=20.0):
        """Waits for the end and compares the exit code (negative: by that signal; None: whatever)."""
        try:
            got = self.process.wait(scale(limit))
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {scale(limit):g} s") from None
        if self in _running:
            _running.remove(self)
        if code is not None and got != code:
            raise Failure(f"{self.name} ended with {got}, not {code}")
        return got

    def alarms(self):
        """Lines of the output that no clean run has."""
        return [line for line in self.output.splitlines() if ALARMS.search(line)]

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        if self in _running:
            _running.remove(self)


def run_program(name, *arguments, limit=20.0, cwd=None, stdin=""):
    """Runs a program to its end: returns the CompletedProcess with text output."""
    env = dict(os.environ, ASAN_OPTIONS="abort_on_error=1:detect_leaks=1")
    return subprocess.run(
        [str(program(name)), *map(str, arguments)],
        cwd=cwd or scratch(name),
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=scale(limit),
    )


DEFAULT_MAIN = """[main]
daemon = off
pid = run/weir.pid
state_path = run
error_log = stderr info
worker_processes = {workers}
{main}
"""


class Daemon(Program):
    """weir in the foreground, in a prefix of its own.

    `config` is the ini text behind a [main] that suits tests (unless it brings its own); "@name@" in it stands for
    a free port, the same for the same name: weir.port("name"). `main` adds lines to [main], `files` are further
    files by relative path. Leaving the with-block stops it and demands a clean end: exit code 0, no sanitizer
    report, no [crit] or worse in the log but for lines that match one of `allow`.
    """

    def __init__(self, config, main="", workers=1, files=None, arguments=(), environment=None, allow=(), ready=True):
        prefix = scratch("prefix")
        prefix.chmod(0o777)  # without privileges of its own a worker still reaches its files
        for folder in ("run", "logs"):
            (prefix / folder).mkdir()
        self.prefix = prefix
        self.allow = [re.compile(a) for a in allow]
        self._ports = {}
        self._main = main
        self._workers = workers
        for name, content in (files or {}).items():
            self.write_file(name, content)
        self.write_config(config)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(prefix / "run" / "notify"))
        os.chmod(prefix / "run" / "notify", 0o777)
        self._notify.setblocking(False)
        self.notified = []
        env = {"NOTIFY_SOCKET": str(prefix / "run" / "notify"), **(environment or {})}
        super().__init__("weir", "-p", f"{prefix}/", "-c", self.config_file, *arguments, cwd=prefix, environment=env)
        if ready:
            self.wait_ready()

    # ports and files

    def port(self, name, count=1):
        """The (first) port that "@name@" stands for in the configuration."""
        if name not in self._ports:
            self._ports[name] = free_ports(count) if count > 1 else free_port()
        return self._ports[name]

    @property
    def config_file(self):
        return self.prefix / "weir.ini"

    def write_file(self, name, content):
        path = self.prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else self._filled(content).encode())
        return path

    def write_config(self, config):
        """Replaces the configuration file (the daemon notices at the next reload)."""
        if "[main]" not in config:
            config = DEFAULT_MAIN.format(workers=self._workers, main=self._main) + config
        self.config_file.write_text(self._filled(config))

    def _filled(self, text):
        return re.sub(r"@([a-z][a-z0-9_]*)@", lambda match: str(self.port(match[1])), text)

    # what it says

    @property
    def log(self):
        return self.output

    def wait_log(self, pattern, limit=10.0):
        return self.wait_output(pattern, limit)

    def _read_notifications(self):
        while True:
            try:
                self.notified += self._notify.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.notified

    def wait_ready(self, limit=15.0):
        """READY=1 on the notify socket: every worker accepts; and each kind of process bears its title."""

        def ready():
            if "READY=1" in self._read_notifications():
                return {"worker", "housekeeper", "logger"} <= self.children().keys()
            if not self.alive():
                raise Failure(f"weir ended with {self.process.returncode} before it was ready:\n{self.log}")
            return False

        wait_until(ready, limit, "weir to be ready")

    def reload(self, config=None, ready=True, limit=20.0):
        """HUP after an optional new configuration; with `ready` waits until the new generation serves."""
        if config is not None:
            self.write_config(config)
        before = self._read_notifications().count("READY=1")
        self.signal(signal.SIGHUP)
        if ready:
            wait_until(lambda: self._read_notifications().count("READY=1") > before, limit, "weir to be reloaded")

    # its processes

    def children(self):
        """Pids of the master's living children, by role: {"worker": [...], "housekeeper": [...], ...}."""
        roles = {}
        for pid in child_pids(self.pid):
            match = re.match(r"weir: (\w+)", title(pid))
            if match:
                roles.setdefault(match[1], []).append(pid)
        return roles

    def workers(self):
        return self.children().get("worker", [])

    # traffic

    def connect(self, name="http", **options):
        return RawClient(self.port(name), **options)

    def get(self, target="/", name="http", fields=(), tls=False, method="GET", body=None, **options):
        """One request over a connection of its own."""
        with RawClient(self.port(name), tls=tls) as client:
            return client.request(method, target, [*_pairs(fields), ("Connection", "close")], body, **options)

    # the end

    def stop(self, number=signal.SIGQUIT, limit=20.0):
        """Graceful by default; then checks exit code, log and that no process is left."""
        family = [pid for pids in self.children().values() for pid in pids]
        if self.alive():
            self.signal(number)
        self.wait_exit(0, limit)
        self._notify.close()
        self.check_log()
        left = [pid for pid in family if title(pid).startswith("weir")]
        if left:
            raise Failure(f"processes left behind: {[(pid, title(pid)) for pid in left]}")

    def check_log(self):
        bad = [line for line in self.alarms() if not any(allowed.search(line) for allowed in self.allow)]
        if bad:
            raise Failure("weir's log has:\n" + "\n".join(bad))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()


class Echo(Program):
    """weir-echo on a free port (or `count` consecutive ones), open to direct requests unless open=False."""

    def __init__(self, *arguments, count=1, port=None, open=True, debug=True):
        self.port = port or free_ports(count)
        ports = str(self.port) if count == 1 else f"{self.port}-{self.port + count - 1}"
        flags = [*(["--open"] if open else []), *(["--debug"] if debug else [])]
        super().__init__("weir-echo", ports, *flags, *arguments)
        self.address = f"127.0.0.1:{ports}"

        def listening():
            if not self.alive():
                raise Failure(f"weir-echo ended with {self.process.returncode}:\n{self.output}")
            return "listening" in self.output

        wait_until(listening, 10, "weir-echo to listen")

    def connect(self, **options):
        return RawClient(self.port, **options)

    def stop(self):
        if self.alive():
            self.signal(signal.SIGTERM)
        self.wait_exit(0)
        if self.alarms():
            raise Failure("weir-echo said:\n" + "\n".join(self.alarms()))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()


def _pairs(fields):
    return list(fields.items()) if isinstance(fields, dict) else list(fields)


def child_pids(pid):
    """Living direct children of a process."""
    children = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                children += [int(word) for word in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return children


def lives(pid):
    """Exists and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def title(pid):
    """The command line as ps shows it; empty for a process that is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
