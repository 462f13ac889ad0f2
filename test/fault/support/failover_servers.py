"""weir, nginx and HAProxy in front of the same origins, each told the same as far as it can be told: the files of
test/fault/peers, SCENARIO.ini, SCENARIO.nginx and SCENARIO.haproxy, with "@name@" for what only a run knows. A line
with "@origin@" stands for one line for each origin, "@n@" is its number."""

import csv
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import threading

from harness import Daemon, Failure, RawClient, free_port, run_program, scratch, wait_until
from harness.daemon import child_pids

PEER_FILES = pathlib.Path(__file__).resolve().parent.parent / "peers"
RESTART_S = 0.1  # systemd's RestartSec, for those that end when a process of theirs is killed


def configuration(file, ports=(), **words):
    """The file's text for these origins; what it does not know it leaves to others."""
    lines = []
    for line in (PEER_FILES / file).read_text().splitlines():
        origins = enumerate(ports) if "@origin@" in line else [(0, 0)]
        lines += [line.replace("@n@", str(n)).replace("@origin@", str(port)) for n, port in origins]
    return re.sub(r"@(\w+)@", lambda match: str(words.get(match[1], match[0])), "\n".join(lines)) + "\n"


class Weir(Daemon):
    name = "weir"

    def __init__(self, ports, scenario="fails", words=None, unix=False, **options):
        super().__init__(configuration(f"{scenario}.ini", ports, **(words or {})), **{"workers": 2, **options})
        self.way = self.prefix / "run" / "web.sock" if unix else self.port("http")

    def peers(self):
        done = run_program("weirctl", "-c", self.config_file, "-p", self.prefix, "status")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["upstreams"][0]["peers"]

    def kill(self, role):
        """SIGKILL for one process of that role, if there is one just now."""
        victims = self.children().get(role, [])
        if victims:
            os.kill(random.choice(victims), signal.SIGKILL)
        return bool(victims)

    def in_flight(self):
        return sum(peer["in_flight"] for peer in self.peers())

    def asked(self):
        """How many addresses got a request."""
        return sum(1 for peer in self.peers() if peer["requests"])


class Peer:
    """Another proxy, with the interface that a measurement needs of one."""

    def __init__(self, ports, scenario="fails", words=None, unix=False):
        self.folder = scratch(self.name)
        self.folder.chmod(0o777)
        self.way = self.folder / "web.sock" if unix else free_port()
        self.file = self.folder / "config"
        listen = self.listen(self.way)
        self.file.write_text(
            configuration(f"{scenario}.{self.name}", ports, listen=listen, folder=self.folder, **(words or {}))
        )
        self.start()
        wait_until(self.started, 10, f"{self.name} to answer")

    @classmethod
    def binary(cls):
        return shutil.which(cls.name, path=f"{os.environ['PATH']}:/usr/sbin")

    def start(self):
        with open(self.folder / "said", "ab") as said:
            self.process = subprocess.Popen([self.binary(), *self.arguments()], stdout=said, stderr=said)

    def port(self, _name):
        return self.way

    def started(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended:\n{(self.folder / 'said').read_text()}")
        return self.answers()

    def answers(self):
        try:
            with RawClient(self.way) as client:
                return client.request("GET", "/", [("Connection", "close")]).status == 200
        except OSError:
            return False

    def kill(self, _role):
        victims = child_pids(self.process.pid)
        if victims:
            os.kill(random.choice(victims), signal.SIGKILL)
        return bool(victims)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Nginx(Peer):
    name = "nginx"

    @staticmethod
    def listen(way):
        return f"127.0.0.1:{way}" if isinstance(way, int) else f"unix:{way}"

    def arguments(self):
        return ["-p", str(self.folder), "-c", str(self.file), "-g", "daemon off;"]

    def asked(self):
        return len({one for line in (self.folder / "peers.log").read_text().splitlines() for one in line.split(", ")} - {"-"})


class Haproxy(Peer):
    name = "haproxy"
    supervisor = None

    @staticmethod
    def listen(way):
        return f"127.0.0.1:{way}" if isinstance(way, int) else f"unix@{way}"

    def arguments(self):
        return ["-W", "-f", str(self.file)]

    def statistics(self):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.folder / "stats"))
            sock.sendall(b"show stat\n")
            text = sock.makefile().read()
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return [row for row in rows if row["pxname"] == "origin" and row["svname"] not in ("FRONTEND", "BACKEND")]

    def in_flight(self):
        return sum(int(row["scur"]) for row in self.statistics())

    def asked(self):
        return sum(1 for row in self.statistics() if int(row["stot"]))

    def keep_up(self):
        """Starts it again when it has ended, as its unit does (Restart=always)."""
        self.ended = threading.Event()

        def watch():
            while not self.ended.is_set():
                if self.process.poll() is None:
                    self.ended.wait(0.005)
                elif not self.ended.wait(RESTART_S):
                    self.start()

        self.supervisor = threading.Thread(target=watch, daemon=True)
        self.supervisor.start()

    def stop(self):
        if self.supervisor:
            self.ended.set()
            self.supervisor.join()
        super().stop()


PEERS = (Nginx, Haproxy)
