"""Checks that need only the text: length, paths of machines, scripts that parse, manual pages, stale files."""

import re
import shutil
import subprocess

import tree

LINES_WARN, LINES_MAX = 450, 600
TEST_LINES_WARN, TEST_LINES_MAX = 600, 1000  # tests are lists of cases
# Paths of somebody's machine have no place in the tree. (Brackets keep this line from finding itself.)
MACHINE_PATH = re.compile(r"/(?:home|Users|wor[k]|roo[t])/|\.\./share[d]/")
GENERATED_LONG = ("man/", "conf/", "docs/", "CHANGES")


def lengths():
    problems, warnings = [], []
    for name in tree.files():
        if name.startswith(GENERATED_LONG) or not name.endswith((".cc", ".h", ".py", ".sh", "Makefile")):
            continue
        count = tree.text(name).count("\n")
        test = name.startswith("test/")
        warn, most = (TEST_LINES_WARN, TEST_LINES_MAX) if test else (LINES_WARN, LINES_MAX)
        if count > most:
            problems.append(f"{name}: {count} lines; more than {most} are two ideas")
        elif count > warn:
            warnings.append(f"{name}: {count} lines (alarm at {warn})")
    return problems, warnings


def machine_paths():
    problems = []
    for name in tree.files():
        if name.startswith(".git"):
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if match := MACHINE_PATH.search(line):
                problems.append(f"{name}:{number}: names a path of some machine: {match[0]}")
    return problems


def scripts():
    problems = []
    for name in tree.files():
        first = tree.text(name).split("\n", 1)[0] if not name.endswith((".cc", ".h")) else ""
        if name.endswith(".py") or (first.startswith("#!") and "python" in first):
            try:
                compile(tree.text(name), name, "exec")
            except SyntaxError as error:
                problems.append(f"{name}:{error.lineno}: {error.msg}")
        elif first in ("#!/bin/sh", "#!/bin/bash"):
            done = subprocess.run([first[2:], "-n", name], cwd=tree.ROOT, capture_output=True, text=True)
            if done.returncode != 0:
                problems.append(done.stderr.strip())
    return problems


def manuals():
    pages = [name for name in tree.files() if re.match(r"man/.*\.\d$", name)]
    if not pages:
        return []
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", *pages], cwd=tree.ROOT, capture_output=True, text=True)
    # what it says about the system's own manual is no fault of ours: our pages refer to each other
    known = {page.split("/")[-1] for page in pages}
    problems = []
    for line in done.stdout.splitlines():
        reference = re.search(r"referenced manual not found: Xr (\S+) (\S+)", line)
        if reference and f"{reference[1]}.{reference[2]}" in known:
            continue
        if reference and reference[1] not in ("weir", "weirctl", "weir-echo", "weir-top", "weir-load", "weir.ini"):
            continue
        problems.append(line)
    return problems


def stale():
    """What the program prints about itself equals what the tree holds."""
    if not (tree.ROOT / "build/release/weir").exists():
        return ["build/release/weir is not built: stale files can't be told"]
    done = subprocess.run(["tools/man", "--check"], cwd=tree.ROOT, capture_output=True, text=True)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).strip().splitlines()


def formatting():
    names = tree.sources(".cc", ".h")
    if not shutil.which("clang-format"):
        return ["clang-format lacks"]
    problems = []
    for at in range(0, len(names), 64):
        done = subprocess.run(
            ["clang-format", "--dry-run", "-Werror", *names[at : at + 64]],
            cwd=tree.ROOT,
            capture_output=True,
            text=True,
        )
        bad = {line.split(":")[0] for line in done.stderr.splitlines() if "clang-format-violations" in line}
        problems += [f"{name}: not as clang-format has it (clang-format -i {name})" for name in sorted(bad)]
        if done.returncode != 0 and not bad:
            problems.append(done.stderr.strip())
    return problems
