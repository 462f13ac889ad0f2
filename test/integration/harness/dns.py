"""A resolver for tests: answers what it is told to, over UDP and TCP, and remembers what it was asked."""

import ipaddress
import socket
import struct
import threading

from .ports import free_port

A, CNAME, AAAA, SRV = 1, 5, 28, 33
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
UDP_MOST = 512  # without EDNS


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


class FakeDns:
    """On a free port of 127.0.0.1; `.address` is for resolver=. What it knows is changed at any time:

    - `set(name, A, ["127.0.0.1"], ttl=1)`; SRV: [(priority, weight, port, target)]; CNAME: ["other.name"], which
      is given with what the other name has;
    - `fail(name, NXDOMAIN)`, of every type; `silence(name)`: no answer.

    What has a name but not that type is an empty answer. `.asked` has (name, type, "udp" or "tcp").
    """

    def __init__(self):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.asked = []
        self._records, self._failures, self._silent = {}, {}, set()
        self._lock = threading.Lock()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind(("127.0.0.1", self.port))
        self._tcp.listen(16)
        threading.Thread(target=self._serve_udp, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    def set(self, name, kind, data, ttl=1):
        with self._lock:
            self._failures.pop(name, None)
            self._silent.discard(name)
            self._records[name, kind] = (ttl, list(data))

    def fail(self, name, code):
        with self._lock:
            self._silent.discard(name)
            self._failures[name] = code

    def silence(self, name):
        with self._lock:
            self._silent.add(name)

    def times_asked(self, name, kind=A):
        with self._lock:
            return sum(1 for asked in self.asked if asked[:2] == (name, kind))

    def close(self):
        for sock in (self._udp, self._tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _serve_udp(self):
        while True:
            try:
                query, client = self._udp.recvfrom(4096)
            except OSError:
                return
            if not query:  # closed
                return
            answer = self._answer(query, "udp")
            if answer:
                self._udp.sendto(answer, client)

    def _serve_tcp(self):
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(sock,), daemon=True).start()

    def _serve_connection(self, sock):
        with sock:
            stream = sock.makefile("rb")
            while True:
                try:
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    answer = self._answer(stream.read(struct.unpack(">H", head)[0]), "tcp")
                    if answer:
                        sock.sendall(struct.pack(">H", len(answer)) + answer)
                except OSError:
                    return

    def _answer(self, query, transport):
        number, _, _, _, _, more = struct.unpack(">6H", query[:12])
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
        name = ".".join(labels).lower()
        room = 65535 if transport == "tcp" else UDP_MOST
        if more and transport == "udp" and len(query) >= at + 10:  # an OPT record: EDNS
            room = max(room, struct.unpack(">H", query[at + 8 : at + 10])[0])
        with self._lock:
            self.asked.append((name, kind, transport))
            if name in self._silent:
                return None
            code = self._failures.get(name, NOERROR)
            records = [] if code else self._records_of(name, kind)
            known = code or any(owner == name for owner, _ in self._records)
        if not known:
            code = NXDOMAIN
        head = struct.pack(">6H", number, 0x8180 | code, 1, len(records), 0, 0)
        answer = head + question + b"".join(records)
        if len(answer) > room:  # truncated: the client is to come again over TCP
            return struct.pack(">6H", number, 0x8380 | code, 1, 0, 0, 0) + question
        return answer

    def _records_of(self, name, kind):
        out, seen = [], set()
        while (name, CNAME) in self._records and name not in seen:
            seen.add(name)
            ttl, (target,) = self._records[name, CNAME]
            out.append(self._record(name, CNAME, ttl, encode_name(target)))
            name = target
        if name in seen:  # a circle: it leads to no address
            return out
        ttl, data = self._records.get((name, kind), (0, []))
        return out + [self._record(name, kind, ttl, self._encode(kind, one)) for one in data]

    @staticmethod
    def _encode(kind, data):
        if kind == SRV:
            priority, weight, port, target = data
            return struct.pack(">3H", priority, weight, port) + encode_name(target)
        return ipaddress.ip_address(data).packed

    @staticmethod
    def _record(name, kind, ttl, data):
        return encode_name(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data
