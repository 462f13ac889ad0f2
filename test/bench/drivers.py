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
    handshakes: int = 0  # of TLS, where the generator counts them
    resumed: int = 0  # of these
    late_ms: float | None = None  # at a fixed rate: how late the generator itself was, 99th percentile


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
    coding: str = ""  # of the answer: Accept-Encoding
    zipf: int = 0  # so many keys, in the query, drawn by Zipf's law with exponent 0.9; 0: one

    def run(self, server, seconds):
        scheme = "https" if server.features.tls else "http"
        # wrk takes whole seconds; shorter is for its callers to avoid
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
        command += ["-s", str(HERE / "wrk.lua")]
        if self.close:
            command += ["-H", "Connection: close"]
        if self.coding:
            command += ["-H", f"Accept-Encoding: {self.coding}"]
        command += [f"{scheme}://127.0.0.1:{server.port}{self.path}", "--", str(self.body), str(self.zipf)]
        return parse_wrk(run(command, seconds))


def parse_weir_load(output):
    try:
        said = json.loads(output)
    except ValueError:
        raise Failed(f"weir-load gave no figures:\n{output[-500:]}") from None
    errors = {kind: count for kind, count in said["errors"].items() if count}
    if odd := said["failed"] - sum(errors.values()):
        errors["status"] = odd
    latency = said["latency_us"]
    return Load(
        said["ok"],
        said["duration"],
        latency["p50"] / 1000,
        latency["p99"] / 1000,
        errors,
        said["tls_handshakes"],
        said["tls_resumed"],
        said["lag_us"]["p99"] / 1000 if "lag_us" in said else None,
    )


@dataclasses.dataclass(frozen=True)
class WeirLoad:
    """weir's own generator: a fixed rate, and TLS handshakes of one kind."""

    path: str
    connections: int = 64
    rate: int = 0  # requests a second, each at its time; 0: closed loop
    close: bool = False
    resume: bool = False
    body: int = 0  # bytes to POST; 0: GET
    coding: str = ""  # of the answer: Accept-Encoding

    def run(self, server, seconds):
        program = server.place.build / "weir-load"
        if not program.exists():
            raise Failed(f"{program} is not built")
        scheme = "https" if server.features.tls else "http"
        command = [str(program), "--json", "--max-failed", "100", "--duration", f"{max(1, round(seconds))}s"]
        command += ["--connections", str(self.connections)]
        if self.rate:
            command += ["--rps", str(self.rate)]
        if self.close:
            command.append("--no-keepalive")
        if self.resume:
            command.append("--tls-resume")
        if self.body:
            command += ["--data", "x" * self.body]
        if self.coding:
            command += ["--header", f"Accept-Encoding: {self.coding}"]
        if server.features.tls:
            command.append("--insecure")
        return parse_weir_load(run([*command, f"{scheme}://127.0.0.1:{server.port}{self.path}"], seconds))
