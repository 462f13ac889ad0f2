"""The tree as the checks see it: its files, who includes whom, what a file's meaning depends on."""

import functools
import hashlib
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


@functools.cache
def files():
    """Every file that is, or is about to be, part of the project, by path from the root."""
    names = git("ls-files", "-co", "--exclude-standard", "-z").split("\0")
    return sorted(name for name in names if name and (ROOT / name).is_file())


def sources(*suffixes):
    return [name for name in files() if name.endswith(suffixes) and name.startswith(("src/", "tools/", "test/"))]


@functools.cache
def text(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@functools.cache
def includes(name):
    """Direct includes as (path in the tree or None, name as written)."""
    found = []
    for quoted, system in INCLUDE.findall(text(name)):
        written = quoted or system
        candidates = [f"src/{written}", written, str(pathlib.PurePosixPath(name).parent / written)]
        inside = next((c for c in candidates if (ROOT / c).is_file()), None) if quoted else None
        found.append((inside, written))
    return found


@functools.cache
def closure(name):
    """The file and all of the tree that it includes, directly or not."""
    seen, waiting = {name}, [name]
    while waiting:
        for inside, _ in includes(waiting.pop()):
            if inside and inside not in seen:
                seen.add(inside)
                waiting.append(inside)
    return frozenset(seen)


def digest(name, *more):
    """Changes when the file, anything it includes from the tree, or `more` changes."""
    sum_ = hashlib.sha256()
    for word in more:
        sum_.update(f"{word}\0".encode())
    for part in sorted(closure(name)):
        sum_.update(f"{part}\0".encode() + hashlib.sha256(text(part).encode()).digest())
    return sum_.hexdigest()
