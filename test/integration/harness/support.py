"""What every other part of the harness needs: waiting, scratch folders, certificates, marks for tests."""

import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Failure(AssertionError):
    """A test's expectation was not met."""


def mode():
    """The build under test: release, hooks, asan or tsan."""
    return os.environ.get("WEIR_TEST_MODE", "release")


def is_long():
    """Was the full length asked for (make faults), not the bounded core (make test)?"""
    return os.environ.get("WEIR_TEST_LONG") == "1"


def verdict(row, text, ok=True):
    """One line with a figure: printed below the test's own line and in the table at the end of a long run.

    Whoever gives a verdict that is not ok must also fail.
    """
    with open(_scratch_root() / "verdicts", "a", encoding="utf-8") as file:
        file.write(f"{row:<4} {text}  {'ok' if ok else 'FAILED'}\n")


def scale(seconds):
    """A limit in seconds, stretched for instrumented builds and slow machines."""
    factor = 4.0 if mode() in ("asan", "tsan") else 1.0
    return seconds * factor * float(os.environ.get("WEIR_TEST_SLOW", "1"))


def wait_until(condition, limit=10.0, what=None):
    """Calls condition() until it gives something true, which is returned; fails after `limit` seconds."""
    end = time.monotonic() + scale(limit)
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            name = what or getattr(condition, "__doc__", None) or getattr(condition, "__name__", "condition")
            raise Failure(f"not within {scale(limit):g} s: {name}")
        time.sleep(pause)  # the interval of asking, not a guess about when it will be true
        pause = min(pause * 2, 0.05)


_scratch = None


def _scratch_root():
    global _scratch
    if _scratch is None:
        _scratch = pathlib.Path(os.environ.get("WEIR_TEST_SCRATCH") or tempfile.mkdtemp(prefix="weir-test-"))
        _scratch.chmod(0o755)  # started as root, workers run as another user and must get in
    return _scratch


def scratch(name=None):
    """A fresh folder below the test's own scratch folder (removed with it after the test)."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"{name or 'dir'}-", dir=_scratch_root()))
    path.chmod(0o755)
    return path


def certificate(*names, key="ec", folder=None, issuer=None, ca=False, days=2):
    """Makes a key and a certificate for the names (DNS or IP); returns (certificate file, key file).

    Self-signed, or signed by `issuer`, a pair returned by an earlier call with ca=True.
    """
    folder = folder or scratch("tls")
    label = names[0].replace("*", "wildcard").replace(":", "_")
    certificate_file, key_file = folder / f"{label}.pem", folder / f"{label}.key"
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", "rsa:2048"]
    kinds = [("IP:" if ":" in n or n.replace(".", "").isdigit() else "DNS:") + n for n in names]
    command = ["openssl", "req", "-x509", *algorithm, "-nodes", "-days", str(days), "-subj", f"/CN={names[0]}"]
    command += ["-addext", "subjectAltName=" + ",".join(kinds), "-keyout", str(key_file), "-out", str(certificate_file)]
    command += ["-addext", f"basicConstraints=critical,CA:{'TRUE' if ca else 'FALSE'}"]
    if issuer:
        command += ["-CA", str(issuer[0]), "-CAkey", str(issuer[1])]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure(f"openssl req failed: {done.stderr}")
    return certificate_file, key_file


# Marks. A test that cannot run says why and is counted as skipped, which the runner prints.


def limit(seconds):
    """The time limit of one test (default 60 s), before scale()."""

    def mark(function):
        function.limit = seconds
        return function

    return mark


def long(function):
    """Runs only at full length (run --long, make faults)."""
    function.long = True
    return function


def modes(*names):
    """Runs only in these builds, e.g. modes("hooks", "asan") for tests that need kill points."""

    def mark(function):
        function.modes = names
        return function

    return mark


def needs(present, what):
    """Runs only where present() says so; elsewhere it counts as skipped, for want of `what`."""

    def mark(function):
        function.needs = (present, what)
        return function

    return mark


def needs_root(function):
    """Runs only as root: privileges dropped, ports below 1024."""
    function.needs_root = True
    return function
