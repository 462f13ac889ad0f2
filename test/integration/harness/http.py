"""Reading HTTP/1 off a socket, for tests: framing as RFC 9112 says, every byte kept for inspection."""

import json
import socket
import ssl
import time

from .support import Failure, scale


class Closed(Exception):
    """The other side ended the connection before what was asked for came. `data` is what did come."""

    def __init__(self, what, data=b""):
        super().__init__(f"{what}; before that: {data[:200]!r}")
        self.data = data


class TimedOut(Failure):
    """Nothing (more) came within the limit."""


class Stream:
    """A connected socket with a read buffer; `received` is every byte that ever came."""

    def __init__(self, sock, limit=10.0):
        self.sock = sock
        self.limit = scale(limit)
        self.buffer = b""
        self.received = b""
        self.eof = False
        self.reset = False

    def send(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        self.sock.settimeout(self.limit)
        self.sock.sendall(data)

    def fill(self, limit=None):
        """Reads once; False at the end of the stream (a reset also sets .reset)."""
        if self.eof:
            return False
        self.sock.settimeout(self.limit if limit is None else limit)
        try:
            data = self.sock.recv(65536)
        except (socket.timeout, ssl.SSLWantReadError):
            raise TimedOut(f"nothing came within {self.sock.gettimeout():g} s; so far {self.buffer[:200]!r}") from None
        except ssl.SSLEOFError:
            data = b""
        except (ConnectionResetError, BrokenPipeError):
            self.reset = True
            data = b""
        if not data:
            self.eof = True
            return False
        self.buffer += data
        self.received += data
        return True

    def take(self, count):
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_exactly(self, count):
        parts, missing = [], count
        while missing:
            if not self.buffer and not self.fill():
                raise Closed(f"{count} bytes were wanted", b"".join(parts))
            data = self.take(missing)
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def read_until(self, mark):
        """Up to and including `mark`."""
        start = 0
        while True:
            at = self.buffer.find(mark, start)
            if at >= 0:
                return self.take(at + len(mark))
            start = max(0, len(self.buffer) - len(mark) + 1)
            if not self.fill():
                raise Closed(f"{mark!r} never came", self.buffer)

    def read_to_end(self):
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def expect_closed(self):
        """The other side must end the connection without a further byte."""
        rest = self.read_to_end()
        if rest:
            raise Failure(f"the connection should have been closed; it said {rest[:300]!r}")

    def expect_open(self):
        """Nothing has come and the connection stands (a state now, not a promise)."""
        self.sock.settimeout(0)
        try:
            data = self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except ConnectionResetError:
            raise Failure("the connection was reset") from None
        raise Failure("the connection was closed" if not data else f"unexpected bytes: {data!r}")

    def shutdown_write(self):
        if isinstance(self.sock, ssl.SSLSocket):
            raise RuntimeError("a TLS connection of this harness can't be half-closed")
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def abort(self):
        """Ends the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Message:
    """A request or response. `head` are its exact bytes; field names compare without case."""

    def __init__(self, head):
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        self.start_line = lines[0]
        self.fields = []
        for line in lines[1:]:
            if line:
                name, colon, value = line.partition(":")
                if not colon or name != name.strip():
                    raise Failure(f"malformed field line {line!r}")
                self.fields.append((name, value.strip(" \t")))
        self.body = b""
        self.chunks = []
        self.trailers = []
        self.until_close = False
        self.time = time.monotonic()

    # of a response
    @property
    def version(self):
        return self.start_line.split(" ")[0] if self.start_line.startswith("HTTP/") else self.start_line.split(" ")[-1]

    @property
    def status(self):
        return int(self.start_line.split(" ")[1])

    @property
    def reason(self):
        return self.start_line.split(" ", 2)[2]

    # of a request
    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def has(self, name):
        return bool(self.all(name))

    def get(self, name, default=None):
        """The field's value, several joined with ", "; `default` when absent."""
        values = self.all(name)
        return ", ".join(values) if values else default

    def __getitem__(self, name):
        values = self.all(name)
        if not values:
            raise Failure(f"no field {name} in:\n{self.head.decode('latin-1')}")
        return ", ".join(values)

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.start_line!r} {self.fields!r} body {self.body[:200]!r}>"


def read_body(stream, message, request_method=None):
    """Reads the body that the message's framing announces (RFC 9112 section 6.3) into message.body."""
    is_response = message.start_line.startswith("HTTP/")
    if is_response:
        if request_method == "HEAD" or message.status < 200 or message.status in (204, 304):
            return message
        if request_method == "CONNECT" and message.status < 300:
            return message
    coding = message.get("transfer-encoding")
    if coding is not None and coding.lower().split(",")[-1].strip() == "chunked":
        while True:
            size = int(stream.read_until(b"\r\n").split(b";")[0].strip(), 16)
            if size == 0:
                break
            message.chunks.append(stream.read_exactly(size))
            if stream.read_exactly(2) != b"\r\n":
                raise Failure("chunk without CRLF behind it")
        message.body = b"".join(message.chunks)
        while (line := stream.read_until(b"\r\n")) != b"\r\n":
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            message.trailers.append((name, value.strip()))
    elif message.has("content-length"):
        lengths = set(message.all("content-length"))
        if len(lengths) != 1 or not next(iter(lengths)).isdigit():
            raise Failure(f"bad Content-Length {lengths}")
        message.body = stream.read_exactly(int(next(iter(lengths))))
    elif is_response:
        message.until_close = True
        message.body = stream.read_to_end()
    return message


def read_message(stream, request_method=None, body=True):
    message = Message(stream.read_until(b"\r\n\r\n"))
    return read_body(stream, message, request_method) if body else message
