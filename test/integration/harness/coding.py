"""Content codings, undone by programs that share no code with weir's encoders where there are any: Python's zlib
for gzip and deflate, curl for br and zstd; and an origin whose pages are known."""

import gzip
import random
import subprocess
import threading
import zlib

from .origin import ScriptedOrigin
from .support import Failure, scale

CODINGS = ("br", "zstd", "gzip", "deflate")


def text_of(size, seed=1):
    """Words that compress like a page does, the same for the same size and seed."""
    random.seed(seed)
    words = [bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 9))) for _ in range(700)]
    out = b"<html>\n"
    parts = [out]
    length = len(out)
    while length < size:
        line = b" ".join(random.choices(words, k=12)) + b"\n"
        parts.append(line)
        length += len(line)
    return b"".join(parts)[:size]


def noise_of(size, seed=1):
    return random.Random(seed).randbytes(size)


def curl(*arguments, limit=60.0):
    """What curl wrote; its exit code must be 0 (of a coded body that is not whole it is not)."""
    done = subprocess.run(["curl", "-sS", "-m", str(int(scale(limit))), *arguments], capture_output=True)
    if done.returncode != 0:
        raise Failure(f"curl {arguments} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def zlib_decoder(coding):
    """deflate is zlib's own format (RFC 9110 8.4.1.2), not the bare one."""
    return zlib.decompressobj(31 if coding == "gzip" else 15)


def decode(coding, data):
    """Strict: one whole body and nothing behind it."""
    if coding in (None, "identity"):
        return data
    if coding in ("gzip", "deflate"):
        decoder = zlib_decoder(coding)
        out = decoder.decompress(data) + decoder.flush()
        if not decoder.eof or decoder.unused_data:
            raise Failure(f"{coding}: not one whole body")
        return out
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(data)}\r\n\r\n"
    with ScriptedOrigin(head.encode() + data) as server:
        return curl("--compressed", f"http://{server.address}/")


def encode(coding, data):
    """By Python; br and zstd are not in its library."""
    if coding == "gzip":
        return gzip.compress(data)
    if coding == "deflate":
        return zlib.compress(data)
    raise ValueError(coding)


def whole(body, fields="Content-Type: text/html", status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n\r\n".encode() + body


def chunked(body, fields="Content-Type: text/html", piece=5000):
    out = [f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{fields}\r\n\r\n".encode()]
    for at in range(0, len(body), piece):
        part = body[at : at + piece]
        out.append(b"%x\r\n%b\r\n" % (len(part), part))
    return b"".join(out) + b"0\r\n\r\n"


class Pages(ScriptedOrigin):
    """Answers by the path: bytes, or a function of the request that gives bytes. HEAD gets the head alone."""

    def __init__(self, pages):
        self.pages = pages
        self.count = 0
        self._counting = threading.Lock()

        def script(connection):
            while True:
                request = connection.read_request()
                with self._counting:
                    self.count += 1
                page = self.pages[request.target.partition("?")[0]]
                data = page(request) if callable(page) else page
                if request.method == "HEAD":
                    data = data[: data.index(b"\r\n\r\n") + 4]
                connection.send(data)
                if b"\nContent-Length" not in data and b"\nTransfer-Encoding" not in data and request.method != "HEAD":
                    return

        super().__init__(script)


def site(origin, location="compress = br zstd gzip deflate", sections="", admin=True):
    """A configuration with one location in front of `origin`."""
    return f"""
{"[admin]" if admin else ""}
{"listen = 127.0.0.1:@admin@" if admin else ""}
[upstream origins]
server = {origin.address}
{sections}
[server web]
listen = 127.0.0.1:@http@
upstream = origins
{location}
"""


def ask(weir, target="/", accept=None, fields=(), **options):
    """One request; the answer with its body decoded in .plain."""
    codings = [] if accept is None else [("Accept-Encoding", accept)]
    answer = weir.get(target, fields=[*codings, *fields], **options)
    answer.plain = answer.body if options.get("method") == "HEAD" else decode(answer.get("Content-Encoding"), answer.body)
    return answer
