"""The disk tier of the cache: what leaves memory, restarts, purges, damaged files, a disk that is full or hangs."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading

from harness import Daemon, needs, run_program, scratch, wait_until
from test_cache import Origin, answer
from test_cache import config as memory_config

AGE = "Cache-Control: max-age=3600"
MOUNT = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs"]
# A process that was killed from outside is told of.
KILLED = [r"from outside"]


def body_of(target, size=20000):
    line = target.encode() + b" of the origin\n"
    return (line * (size // len(line) + 1))[:size]


class Bodies(Origin):
    """Answers with a body that tells its target; counts how often each was asked for."""

    def __init__(self, size=20000, fields=lambda target: AGE):
        self.asked = {}
        self._lock_asked = threading.Lock()

        def one(request, _):
            target = request.target
            with self._lock_asked:
                self.asked[target] = self.asked.get(target, 0) + 1
            return answer(body_of(target, size), fields(target))

        super().__init__(one)


def config(origin, cache="", location="", size="2m", disk="disk_size = 64m", path="disk"):
    return memory_config(origin, f"path = {path}\n{disk}\n{cache}", location, admin=True, size=size)


def disk_of(weir):
    """Of the newest cache that has one: while an earlier generation drains its caches are listed, too."""
    caches = json.loads(weir.get("/status", name="admin").body)["caches"]
    return [cache["disk"] for cache in caches if "disk" in cache][-1]


def keepers(weir):
    return weir.children().get("cache", [])


def files(weir, path="disk"):
    return sorted((weir.prefix / path).glob("??/*.weir"))


def at_rest(weir, entries=None, mib=64):
    """The round over the folder is over, and so many answers are on disk."""

    def written():
        disk = disk_of(weir)
        if not disk["loaded"] or disk["bytes_max"] != mib << 20:
            return False
        return entries is None or disk["entries"] == entries

    wait_until(written, 10, f"{entries} answers on disk")


def fetch_all(weir, targets, word=None):
    for target in targets:
        got = weir.get(target)
        assert got.status == 200 and got.body == body_of(target, len(got.body)), target
        if word:
            assert got["X-Cache"] == word, (target, got["X-Cache"], got["Cache-Status"])


def absolute(tmp):
    return f"{tmp}/disk"


def shared_folder():
    """For daemons one after the other, which have prefixes of their own."""
    folder = scratch("disks")
    folder.chmod(0o777)
    return folder


def store_all(weir, targets):
    """In pieces that memory holds until they are on disk: what left it before was not written. What is new has a tenth
    of a full memory, here 200 KB."""
    before, piece = disk_of(weir)["entries"], 5
    for at in range(0, len(targets), piece):
        fetch_all(weir, targets[at : at + piece], "MISS")
        at_rest(weir, before + min(at + piece, len(targets)))


TARGETS = [f"/page/{n}" for n in range(300)]


def test_a_working_set_larger_than_memory_is_served_from_disk():
    """Of 6 MB of answers in a cache of 2 MB each is fetched once, by all workers, and says so."""
    with Bodies() as origin, Daemon(config(origin), workers=2) as weir:
        store_all(weir, TARGETS)
        for _ in range(2):
            fetch_all(weir, TARGETS, "HIT")
        assert all(count == 1 for count in origin.asked.values())
        disk = disk_of(weir)
        assert disk["hits"] > 200 and disk["write_errors"] == 0
        assert disk["bytes"] == 300 * 20480 and len(files(weir)) == 300, disk
        said = [weir.get(target)["Cache-Status"] for target in TARGETS]
        assert any('detail="disk"' in status for status in said)


def test_heads_ranges_conditions_and_variants_from_disk():
    """What is on disk answers HEAD, Range and If-None-Match, and each variant is its own."""

    def one(request, n):
        language = request.get("Accept-Language") or "-"
        return answer(language.encode() * 2000, AGE + '\r\nVary: Accept-Language\r\nETag: "' + language + '"')

    with Origin(one) as origin, Daemon(config(origin)) as weir:
        for language in ("de", "fr"):
            assert weir.get("/v", fields=[("Accept-Language", language)])["X-Cache"] == "MISS"
        at_rest(weir, 3)  # the mark of the variants, too
        for n in range(200):
            weir.get(f"/other/{n}")
        asked = origin.count
        de = [("Accept-Language", "de")]
        head = weir.get("/v", fields=de, method="HEAD")
        assert (head.status, head["Content-Length"], head["X-Cache"]) == (200, "4000", "HIT")
        part = weir.get("/v", fields=[*de, ("Range", "bytes=0-3")])
        assert (part.status, part.body) == (206, b"dede")
        assert weir.get("/v", fields=[*de, ("If-None-Match", '"de"')]).status == 304
        assert weir.get("/v", fields=[("Accept-Language", "fr")]).body == b"fr" * 2000
        only = weir.get("/v", fields=[("Accept-Language", "fr"), ("Cache-Control", "only-if-cached")])
        assert only.status == 200
        assert origin.count == asked


def test_kept_over_restart_and_over_the_death_of_every_process():
    """kill -9 of the keeper and of all workers, then of the whole instance, then an ordinary end: all are hits."""
    folder = shared_folder()
    with Bodies() as origin:
        text = config(origin, path=absolute(folder))
        targets = TARGETS[:60]
        with Daemon(text, workers=2, allow=KILLED) as weir:
            store_all(weir, targets)
            for pid in [*keepers(weir), *weir.workers()]:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: len(keepers(weir)) == 1 and len(weir.workers()) == 2, 10, "new processes")
            fetch_all(weir, targets, "HIT")
        with Daemon(text) as weir:
            at_rest(weir, 60)
            fetch_all(weir, targets, "HIT")
            for pid in [*sum(weir.children().values(), []), weir.pid]:
                os.kill(pid, signal.SIGKILL)
            weir.process.wait()
            weir.stop = lambda *_: None
        with Daemon(text) as weir:
            at_rest(weir, 60)
            fetch_all(weir, targets, "HIT")
            weir.wait_log(r"cache pages: 60 stored answers found on disk within \d+ ms, 0 removed")
        assert all(count == 1 for count in origin.asked.values())


def test_purges_hold_for_the_disk_and_over_a_restart():
    """URL, prefix, tag; what was not purged stays; a soft purge stays soft; and all of it goes at last."""
    folder = shared_folder()

    def fields(target):
        return AGE + ("\r\nSurrogate-Key: news" if "tagged" in target else "")

    kept, url, prefix, tagged, soft = "/kept", "/url", "/prefix/1", "/tagged", "/soft"
    targets = [kept, url, prefix, tagged, soft]
    with Bodies(fields=fields) as origin:
        text = config(origin, path=absolute(folder))

        def purge(weir, *words):
            done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "purge", *words)
            assert done.returncode == 0, done.stdout + done.stderr

        with Daemon(text, main="") as weir:
            fetch_all(weir, targets, "MISS")
            at_rest(weir, 5)
        with Daemon(text) as weir:  # on disk alone
            at_rest(weir, 5)
            purge(weir, "http://localhost/url")
            purge(weir, "--prefix", "http://localhost/prefix/")
            purge(weir, "--tag", "news")
            purge(weir, "--soft", "http://localhost/soft")
        with Daemon(text) as weir:
            at_rest(weir)
            assert weir.get(kept)["X-Cache"] == "HIT"
            for target in (url, prefix, tagged):
                assert weir.get(target)["X-Cache"] == "MISS", target
            assert "fwd=stale" in weir.get(soft)["Cache-Status"]
            at_rest(weir, 5)
            purge(weir, "--all")
            assert weir.get(kept)["X-Cache"] == "MISS"
        with Daemon(text) as weir:
            at_rest(weir, 1)
            assert weir.get(kept)["X-Cache"] == "HIT"
            assert weir.get(url)["X-Cache"] == "MISS"


def test_damaged_files_are_misses_with_the_right_bytes():
    """Flipped, cut, foreign, unreadable, a folder, a pipe, nothing: each is fetched anew, and never served wrong."""

    def flip(path):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x10
        path.write_bytes(data)

    def remade(make):
        def change(path):
            path.unlink()
            make(path)

        return change

    changes = [
        flip,
        lambda path: os.truncate(path, 10000),
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(b"something else"),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: os.chmod(path, 0),
        remade(lambda path: path.mkdir()),
        remade(lambda path: os.mkfifo(path)),
        lambda path: path.unlink(),
        remade(lambda path: path.symlink_to("/etc/passwd")),
    ]
    folder = shared_folder()
    targets = TARGETS[: len(changes) * 2]
    with Bodies() as origin:
        text = config(origin, path=absolute(folder))
        with Daemon(text) as weir:
            fetch_all(weir, targets, "MISS")
            at_rest(weir, len(targets))
        with Daemon(text, allow=[r"can't be written"]) as weir:
            at_rest(weir, len(targets))
            of_ours = sorted(pathlib.Path(folder, "disk").glob("??/*.weir"))
            assert len(of_ours) == len(targets)
            for path, change in zip(of_ours, changes):
                change(path)
            fetch_all(weir, targets)
            fetch_all(weir, targets, "HIT")
        again = sum(count - 1 for count in origin.asked.values())
        assert again == len(changes), again


def can_mount():
    """A tmpfs of its own, tried where nothing stays."""
    folder = scratch("mount")
    if os.geteuid() != 0 or subprocess.run([*MOUNT, str(folder)], capture_output=True).returncode != 0:
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True


@needs(can_mount, "leave to mount a tmpfs")
def test_a_full_disk_costs_nothing_but_what_it_would_have_kept():
    """On a file system of 1 MiB answers go on right; one line says it, not one for each file."""
    mount = scratch("full")
    subprocess.run([*MOUNT, str(mount)], check=True)
    try:
        with Bodies() as origin:
            with Daemon(config(origin, path=f"{mount}/disk"), allow=[r"can't be written"]) as weir:
                fetch_all(weir, TARGETS[:150])
                wait_until(lambda: disk_of(weir)["write_errors"] > 0, 10, "a write error")
                fetch_all(weir, TARGETS[:150])
                weir.wait_log(r"cache pages: files can't be written \(28")
                assert len(re.findall(r"files can't be written", weir.log)) <= 2
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_a_disk_that_hangs_delays_only_who_waits_for_it():
    """A stopped keeper: memory hits and misses go on, keys on disk go to the origin after a moment, and it recovers."""
    with Bodies() as origin, Daemon(config(origin), workers=2, allow=KILLED) as weir:
        store_all(weir, TARGETS)
        fetch_all(weir, ["/in/memory"], "MISS")
        (keeper,) = keepers(weir)
        os.kill(keeper, signal.SIGSTOP)
        try:
            fetch_all(weir, ["/in/memory"], "HIT")
            before = dict(origin.asked)
            fetch_all(weir, TARGETS[:20])  # the first waits; then it is known
            assert any(origin.asked[t] > before[t] for t in TARGETS[:20])
            fetch_all(weir, ["/in/memory"], "HIT")
            fetch_all(weir, ["/fresh/1"], "MISS")
        finally:
            os.kill(keeper, signal.SIGCONT)

        def served():
            asked = dict(origin.asked)
            fetch_all(weir, TARGETS[200:220])
            return origin.asked == asked

        wait_until(served, 10, "the disk to be used again")


def test_a_keeper_that_hangs_holds_up_neither_a_reload_nor_the_end():
    """The one of the old generation is killed after a while, and its successor has the folder; the last one, too."""
    with Bodies() as origin, Daemon(config(origin)) as weir:
        store_all(weir, TARGETS[:50])
        (old,) = keepers(weir)
        os.kill(old, signal.SIGSTOP)
        weir.reload()
        fetch_all(weir, TARGETS[:50])
        wait_until(lambda: keepers(weir) and old not in keepers(weir), 10, "the successor alone")
        wait_until(lambda: disk_of(weir)["loaded"], 10, "the folder to be known")
        fetch_all(weir, ["/another"], "MISS")
        at_rest(weir, 51)
        os.kill(keepers(weir)[0], signal.SIGSTOP)


def test_a_purge_while_the_disk_hangs_counts():
    """With the keeper stopped: what is purged, invalidated or replaced meanwhile does not come back from disk."""
    with Bodies() as origin, Daemon(config(origin)) as weir:
        url, replaced, tagged = "/url", "/replaced", "/tagged"
        store_all(weir, [url, replaced, tagged])
        (keeper,) = keepers(weir)
        os.kill(keeper, signal.SIGSTOP)
        for words in (["http://localhost/url"], ["--prefix", "http://localhost/tag"]):
            done = run_program("weirctl", "-c", weir.config_file, "-p", weir.prefix, "purge", *words)
            assert done.returncode == 0, done.stderr
        assert weir.get(replaced, method="POST", body=b"").status == 200
        os.kill(keeper, signal.SIGCONT)
        fetch_all(weir, [url, replaced, tagged], "MISS")


def test_reload_hands_the_folder_over():
    """Another disk_size, no disk, a disk again: each time what is on disk serves, and one keeper has it."""
    with Bodies() as origin, Daemon(config(origin), workers=2) as weir:
        targets = TARGETS[:100]
        store_all(weir, targets)
        weir.reload()  # the same: nothing is read anew
        wait_until(lambda: len(keepers(weir)) == 1, 10, "one keeper")
        fetch_all(weir, targets, "HIT")
        weir.reload(config(origin, disk="disk_size = 32m"))
        at_rest(weir, 100, 32)
        wait_until(lambda: len(keepers(weir)) == 1, 10, "one keeper")
        fetch_all(weir, targets, "HIT")
        weir.reload(config(origin, path="off", disk=""))
        wait_until(lambda: not keepers(weir), 10, "no keeper")
        fetch_all(weir, ["/page/0"], "MISS")
        weir.reload(config(origin))
        at_rest(weir, 100)
        fetch_all(weir, targets, "HIT")


def test_what_is_wrong_with_a_path_is_said():
    """No folder above it, not a folder, one that holds other things, one for two: file, line, what to do."""

    def refused(text, *expected):
        with Bodies() as origin:
            weir = Daemon(text(origin), ready=False)
            weir.wait_exit(6)
            weir._notify.close()
            for pattern in expected:
                assert re.search(pattern, weir.log), (pattern, weir.log)

    folder = shared_folder()
    pathlib.Path(folder, "file").write_text("x")
    taken = pathlib.Path(folder, "taken")
    taken.mkdir()
    (taken / "notes").write_text("x")
    taken.chmod(0o700)
    refused(lambda o: config(o, path=f"{folder}/no/disk"), r"weir.ini:\d+: .*no folder \"" + f"{folder}/no" + '"')
    refused(lambda o: config(o, path=f"{folder}/file"), r"weir.ini:\d+: .*not a folder")
    if os.geteuid() == 0:
        refused(lambda o: config(o, path=str(taken)), r"weir.ini:\d+: .*holds other things.*chown")
    two = "\n[cache more]\npath = disk\n"
    refused(lambda o: config(o) + two, r"weir.ini:\d+: .*\[cache more\] has the path of \[cache pages\]")
