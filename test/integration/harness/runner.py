"""Finds the tests, runs each in a process of its own, prints one line per test and the sum as the last line.

    test/integration/run [-k PATTERN] [-j N] [--mode MODE] [--keep] [FOLDER...]

A test process is a subreaper and a process group: whatever a test leaves behind is found, counted as a failure and
ended. Exit code 0 when nothing failed, 1 otherwise, 2 for bad arguments.
"""

import argparse
import ctypes
import importlib.util
import inspect
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from . import daemon, support

PR_SET_CHILD_SUBREAPER = 36


class Test:
    def __init__(self, path, function):
        self.path = path
        self.function = function
        doc = inspect.getdoc(function)
        self.sentence = doc.split("\n\n")[0].replace("\n", " ") if doc else function.__name__[5:].replace("_", " ")
        self.name = f"{path.stem[5:]}: {self.sentence}"
        self.id = f"{path.stem}.{function.__name__}"
        self.limit = support.scale(getattr(function, "limit", 60))

    def reason_to_skip(self):
        modes = getattr(self.function, "modes", None)
        if modes and support.mode() not in modes:
            return f"needs a build of {' or '.join(modes)}"
        if getattr(self.function, "needs_root", False) and os.geteuid() != 0:
            return "needs root"
        return None


def discover(folders, pattern):
    tests = []
    for folder in folders:
        for path in sorted(pathlib.Path(folder).glob("test_*.py")):
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            sys.path.insert(0, str(path.parent))
            spec.loader.exec_module(module)
            functions = [f for n, f in vars(module).items() if n.startswith("test_") and inspect.isfunction(f)]
            functions = [f for f in functions if f.__module__ == path.stem]
            functions.sort(key=lambda f: f.__code__.co_firstlineno)
            tests += [Test(path, f) for f in functions]
    if pattern:
        tests = [t for t in tests if re.search(pattern, f"{t.id} {t.name}", re.I)]
    return tests


def descendants(pid):
    found = []
    for child in daemon.child_pids(pid):
        found += [child, *descendants(child)]
    return found


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def end_descendants():
    """Kills and reaps until this process has no descendant (they come to us: we are their subreaper)."""
    while family := descendants(os.getpid()):
        kill_all(family)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def left_behind(limit=2.0):
    """The descendants that stay; one that is just leaving has until the limit to be gone."""
    deadline = time.monotonic() + limit
    while True:
        left = [(pid, daemon.title(pid)) for pid in descendants(os.getpid()) if daemon.lives(pid)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.01)


def inside(test, folder, result_file):
    """The test process. Ends with 0 when the test passed; writes what happened into result_file."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.environ["WEIR_TEST_SCRATCH"] = str(folder)
    output = os.open(folder / "test.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    problem = None
    try:
        test.function()
    except BaseException:  # also SystemExit and KeyboardInterrupt: a test must not end the run
        problem = traceback.format_exc()
    logs = [(p.name, p.output[-20000:]) for p in daemon.started()]
    forgotten = [p.name for p in daemon.running() if p.alive()]
    for child in daemon.running():
        child.kill()
    left = left_behind()
    end_descendants()
    if problem is None and forgotten:
        problem = f"the test did not stop: {', '.join(forgotten)}\n"
    if problem is None and left:
        problem = f"processes were left behind: {left}\n"
    if problem is not None:
        result_file.write_text(json.dumps({"problem": problem, "logs": logs}))
    sys.stdout.flush()
    os._exit(0 if problem is None else 1)


class Running:
    def __init__(self, test):
        self.test = test
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-"))
        self.folder.chmod(0o755)
        self.result = self.folder / "result.json"
        self.start = time.monotonic()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            inside(test, self.folder, self.result)

    def finished(self):
        """None while it runs, else (passed, text)."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            if time.monotonic() - self.start < self.test.limit:
                return None
            family = descendants(self.pid)
            logs = self._logs()
            kill_all([self.pid, *family])
            os.waitpid(self.pid, 0)
            return False, f"stopped after its limit of {self.test.limit:g} s\n{logs}"
        if status == 0:
            return True, ""
        if self.result.exists():
            result = json.loads(self.result.read_text())
            said = (self.folder / "test.out").read_text(errors="replace")
            text = result["problem"] + (f"--- the test's output\n{said}" if said else "")
            for name, log in result["logs"]:
                text += f"--- output of {name}\n{log}"
            return False, text
        return False, f"the test process died (status {status})\n{self._logs()}"

    def _logs(self):
        files = [self.folder / "test.out", *self.folder.glob("out-*/*.out")]
        return "".join(f"--- {f.name}\n{f.read_text(errors='replace')[-20000:]}" for f in files if f.exists())

    def clean(self, keep):
        if keep:
            print(f"      kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def paint(text, colour):
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() else text


def run_all(tests, jobs, keep):
    waiting = list(tests)
    running = []
    passed = failed = skipped = 0
    while waiting or running:
        while waiting and len(running) < jobs:
            test = waiting.pop(0)
            reason = test.reason_to_skip()
            if reason:
                skipped += 1
                print(f"{paint('skip', 33)}  {test.name} ({reason})")
            else:
                running.append(Running(test))
        for item in list(running):
            outcome = item.finished()
            if outcome is None:
                continue
            running.remove(item)
            ok, text = outcome
            seconds = time.monotonic() - item.start
            passed, failed = passed + ok, failed + (not ok)
            print(f"{paint('ok  ', 32) if ok else paint('FAIL', 31)}  {item.test.name} ({seconds:.2f} s)")
            if not ok:
                print("".join(f"      {line}\n" for line in text.splitlines()), end="")
                print(f"      again: test/integration/run --mode {support.mode()} -k '{item.test.id}$'")
            item.clean(keep and not ok)
            sys.stdout.flush()
        if running:
            time.sleep(0.005)
    return passed, failed, skipped


def main(arguments):
    here = support.ROOT / "test" / "integration"
    parser = argparse.ArgumentParser(prog="test/integration/run", description="weir's integration tests")
    parser.add_argument("-k", metavar="PATTERN", help="only tests whose file, function or sentence matches")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="tests at a time (2)")
    parser.add_argument("--mode", default=support.mode(), help="build/<mode> to test (release)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of failed tests")
    parser.add_argument("--list", action="store_true", help="only name the tests")
    parser.add_argument("folders", nargs="*", default=[str(here)], help="folders with test_*.py")
    options = parser.parse_args(arguments)
    os.environ["WEIR_TEST_MODE"] = options.mode
    if not (support.ROOT / "build" / options.mode).is_dir():
        print(f"build/{options.mode} is not there: make MODE={options.mode} all", file=sys.stderr)
        return 2
    if subprocess.run(["openssl", "version"], capture_output=True).returncode != 0:
        print("openssl lacks: tools/deps test", file=sys.stderr)
        return 2
    tests = discover(options.folders, options.k)
    if options.list:
        print("\n".join(f"{t.id}\n    {t.sentence}" for t in tests))
        return 0
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        passed, failed, skipped = run_all(tests, max(1, options.j), options.keep)
    except KeyboardInterrupt:
        print("interrupted")
        return 1
    finally:
        end_descendants()
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and (passed or not tests) else 1
