"""Load generators: each takes a server and a time, and gives counts and latencies."""

import dataclasses
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Load:
    """What a generator counted. Failed requests are not among `requests`."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: dict  # by kind, those that happened


class Failed(Exception):
    """A generator that did not give figures."""


def run(command, seconds):
    """A generator's output; its own limit is far above the time it was told."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds * 3 + 30
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} did not end") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def parse_wrk(output):
    for line in output.splitlines():
        if line.startswith("JSON "):
            said = json.loads(line[5:])
            errors = {kind: count for kind, count in said["errors"].items() if count}
            return Load(
                said["requests"] - errors.get("status", 0), said["seconds"], said["p50_ms"], said["p99_ms"], errors
            )
    raise Failed(f"wrk gave no figures:\n{output[-500:]}")


@dataclasses.dataclass(frozen=True)
class Wrk:
    """Closed loop: each connection sends its next request when the answer to the last is there."""

    path: str
    connections: int = 64
    close: bool = False  # a new connection for each request
    body: int = 0  # bytes to POST; 0: GET

    def run(self, server, seconds):
        scheme = "https" if server.features.tls else "http"
        # wrk takes whole seconds; shorter is for its callers to avoid
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
        command += ["-s", str(HERE / "wrk.lua")]
        if self.close:
            command += ["-H", "Connection: close"]
        command += [f"{scheme}://127.0.0.1:{server.port}{self.path}", "--", str(self.body)]
        return parse_wrk(run(command, seconds))
