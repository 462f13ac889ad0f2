"""Finds the tests, runs each in a process of its own, prints one line per test and the sum as the last line.

    test/integration/run [-k PATTERN] [-j N] [--mode MODE] [--long] [--keep] [FOLDER...]

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
        present, what = getattr(self.function, "needs", (None, None))
        if present and not present():
            return f"needs {what}"
        return None

    def wanted(self):
        return support.is_long() or not getattr(self.function, "long", False)


class Batch:
    """Many small tests in one process: a module's run_batch(config, members, report) for each of its batches().

    A member is a test to whoever counts or chooses (`id`, `sentence`, `source`); the batch itself counts only when
    it fails for a reason that no member has.
    """

    def __init__(self, path, module, config, members):
        self.run_batch, self.config, self.members = module.run_batch, config, members
        self.names = {m.id: f"{path.stem[5:]}: {m.id}: {m.sentence} [{m.source}]" for m in members}
        self.id = f"{path.stem}.{config}"
        self.name = f"{path.stem[5:]}: the daemon of the {len(members)} cases with {config}"
        self.sentence = f"{len(members)} cases"
        self.limit = support.scale(getattr(module.run_batch, "limit", 60))
        self.results = None  # a file with a JSON line per member

    def matching(self, pattern):
        """None, or this batch with the members that match."""
        self.members = [m for m in self.members if re.search(pattern, f"{self.id} {self.names[m.id]}", re.I)]
        return self if self.members else None

    def reason_to_skip(self):
        return None

    def wanted(self):
        return True

    def function(self):
        with open(self.results, "a", encoding="utf-8") as file:

            def report(member, problem, seconds):
                print(json.dumps([member.id, problem, seconds]), file=file, flush=True)

            self.run_batch(self.config, self.members, report)

    def outcomes(self):
        """(id, name, problem or None, seconds) of each member; one that was never reached has failed too."""
        lines = self.results.read_text(encoding="utf-8").splitlines() if self.results.exists() else []
        said = {member: (problem, seconds) for member, problem, seconds in map(json.loads, lines)}
        return [(m.id, self.names[m.id], *said.get(m.id, ("it was not reached", 0.0))) for m in self.members]


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
            if hasattr(module, "batches"):
                tests += [Batch(path, module, *batch) for batch in module.batches()]
    tests = [t for t in tests if t.wanted()]
    if pattern:
        batches = [t.matching(pattern) for t in tests if isinstance(t, Batch)]
        tests = [t for t in tests if isinstance(t, Test) and re.search(pattern, f"{t.id} {t.name}", re.I)]
        tests += [b for b in batches if b]
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
        if isinstance(test, Batch):
            test.results = self.folder / "members.jsonl"
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

    def verdicts(self):
        """Lines with figures that the test left (support.verdict)."""
        file = self.folder / "verdicts"
        return file.read_text(errors="replace").splitlines() if file.exists() else []

    def clean(self, keep):
        if keep:
            print(f"      kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def paint(text, colour):
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() else text


def tell(test_id, name, problem, seconds):
    print(f"{paint('ok  ', 32) if problem is None else paint('FAIL', 31)}  {name} ({seconds:.2f} s)")
    if problem is not None:
        print("".join(f"      {line}\n" for line in problem.splitlines()), end="")
        print(f"      again: test/integration/run --mode {support.mode()} -k '{test_id}\\b'")


def run_all(tests, jobs, keep):
    waiting = list(tests)
    running = []
    table = []
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
            results = [(item.test.id, item.test.name, None if ok else text, time.monotonic() - item.start)]
            if isinstance(item.test, Batch):
                members = item.test.outcomes()
                results = members + ([] if ok else results)
            for test_id, name, problem, seconds in results:
                passed, failed = passed + (problem is None), failed + (problem is not None)
                tell(test_id, name, problem, seconds)
            verdicts = item.verdicts()
            print("".join(f"        {line}\n" for line in verdicts), end="")
            table += verdicts
            item.clean(keep and not ok)
            sys.stdout.flush()
        if running:
            time.sleep(0.005)
    if support.is_long() and table:
        rows = sorted(table, key=lambda line: [int(n) if n.isdigit() else n for n in re.split(r"(\d+)", line)[:2]])
        print("\nfigures:\n" + "".join(f"  {line}\n" for line in rows))
    return passed, failed, skipped


def main(arguments):
    here = support.ROOT / "test" / "integration"
    parser = argparse.ArgumentParser(prog="test/integration/run", description="weir's integration tests")
    parser.add_argument("-k", metavar="PATTERN", help="only tests whose file, function or sentence matches")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="tests at a time (2)")
    parser.add_argument("--mode", default=support.mode(), help="build/<mode> to test (release)")
    parser.add_argument("--long", action="store_true", help="full length, and what is left out otherwise (mark @long)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of failed tests")
    parser.add_argument("--list", action="store_true", help="only name the tests")
    parser.add_argument("folders", nargs="*", default=[str(here)], help="folders with test_*.py")
    options = parser.parse_args(arguments)
    os.environ["WEIR_TEST_MODE"] = options.mode
    if options.long:
        os.environ["WEIR_TEST_LONG"] = "1"
    if not (support.ROOT / "build" / options.mode).is_dir():
        print(f"build/{options.mode} is not there: make MODE={options.mode} all", file=sys.stderr)
        return 2
    if subprocess.run(["openssl", "version"], capture_output=True).returncode != 0:
        print("openssl lacks: tools/deps test", file=sys.stderr)
        return 2
    tests = discover(options.folders, options.k)
    if options.list:
        for test in tests:
            print(*test.names.values() if isinstance(test, Batch) else [f"{test.id}\n    {test.sentence}"], sep="\n")
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
