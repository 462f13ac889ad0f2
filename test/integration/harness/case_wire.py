"""The sockets of a case: everything that can be read is read, whatever the case waits for.

One thread and select(): the player asks for a condition, meanwhile bytes of every connection are collected, so that
no order of events between client and origin can deadlock the conversation.
"""

import select
import socket
import ssl
import time

from .support import certificate, scale

LIMIT = 10.0  # for one thing to happen


class Mismatch(Exception):
    """Not what the case expects."""


class Wire:
    """One connection: bytes that came and nobody has asked for yet in `inbox`, all that came in `received`."""

    def __init__(self, sock, name):
        sock.setblocking(False)
        self.sock, self.name = sock, name
        self.inbox = self.received = self.outbox = b""
        self.eof = self.reset = self.closed = self.ignored = False
        self.head, self.head_text = b"", ""  # of the request that was taken last

    def fileno(self):
        return self.sock.fileno()

    def read(self):
        try:
            while not self.eof:
                data = self.sock.recv(262144)
                if not data:
                    self.eof = True
                self.inbox += data
                self.received += data
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except ssl.SSLError:
            self.eof = True
        except OSError:
            self.eof = self.reset = True

    def write(self, chop):
        """Sends what the socket takes; chopped: one byte at a time while it is few, so that segments split anywhere."""
        try:
            while self.outbox:
                size = 1 if chop and len(self.outbox) < 4096 else 65536
                self.outbox = self.outbox[self.sock.send(self.outbox[:size]) :]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass
        except (OSError, ssl.SSLError):
            self.outbox = b""  # the other side has ended it: what it said before counts

    def half_close(self):
        if not self.closed and not isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def close(self, reset=False):
        if self.closed:
            return
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.closed = True
        self.sock.close()


class Wires:
    """The clients and the origin's connections of one case."""

    def __init__(self, listener, chop=False):
        self.listener, self.chop = listener, chop
        self.clients, self.origins = {}, []
        self.transcript = []

    def say(self, name, sign, data):
        last = self.transcript[-1] if self.transcript else None
        if last and last[0] == (name, sign):
            last[1] += data
        else:
            self.transcript.append([(name, sign), data])

    def all(self):
        return [w for w in [*self.clients.values(), *self.origins] if not w.closed]

    def pump(self, timeout):
        readers = [w for w in self.all() if not w.eof]
        writers = [w for w in self.all() if w.outbox]
        ready, writable, _ = select.select([self.listener, *readers], writers, [], timeout)
        for one in ready:
            if one is self.listener:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.origins.append(Wire(sock, f"O{len(self.origins) + 1}"))
                continue
            before = len(one.received)
            one.read()
            if len(one.received) > before:
                self.say(one.name, "<", one.received[before:])
            if one.eof:
                self.say(one.name, "<", b"[reset]" if one.reset else b"[end]")
        for one in writable:
            one.write(self.chop)

    def until(self, condition, what, limit=LIMIT):
        """Pumps until condition() gives something other than None."""
        end = time.monotonic() + scale(limit)
        while True:
            value = condition()
            if value is not None:
                return value
            left = end - time.monotonic()
            if left <= 0:
                raise Mismatch(f"waited in vain for {what}")
            self.pump(left)

    def send(self, wire, data):
        self.say(wire.name, ">", data)
        wire.outbox += data
        self.until(lambda: True if not wire.outbox else None, f"{wire.name} to take {len(data)} bytes")

    def connect(self, number, port, tls):
        sock = socket.create_connection(("127.0.0.1", port), scale(LIMIT))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            sock = context.wrap_socket(sock, server_hostname="a.test")
        wire = self.clients[number] = Wire(sock, f"C{number}")
        return wire

    def client(self, number):
        return self.clients.get(number)

    def origin(self, number):
        """The origin's connection of that number, waited for."""
        return self.until(
            lambda: self.origins[number - 1] if len(self.origins) >= number else None,
            f"connection {number} at the origin",
        )

    def origin_tls(self, wire):
        """The TLS handshake on a connection that the origin accepted."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate("localhost"))
        wire.sock.settimeout(scale(LIMIT))
        wire.sock = context.wrap_socket(wire.sock, server_side=True)
        wire.sock.setblocking(False)

    def close_all(self):
        for wire in self.all():
            wire.close(reset=True)

    def story(self):
        lines = []
        for (name, sign), data in self.transcript:
            shown = data if len(data) <= 3000 else data[:1500] + b" [...] " + data[-1000:]
            text = repr(shown)[2:-1].replace("\\r\\n", "\\r\\n\n         ")
            lines.append(f"    {name} {sign}  {text.rstrip()}")
        return "\n".join(lines)
