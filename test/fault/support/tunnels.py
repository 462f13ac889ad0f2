"""An origin of many tunnels in one thread: it upgrades whoever asks and echoes one kind of WebSocket frame."""

import contextlib
import selectors
import socket
import threading

PING = b"\x81\x84\x00\x00\x00\x00ping"  # a text frame whose mask is zero
PONG = b"\x81\x04ping"
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def open_tunnel(weir):
    client = weir.connect()
    client.send(UPGRADE)
    assert client.read_head().status == 101
    return client


def echoes(client):
    """Is the tunnel alive?"""
    with contextlib.suppress(Exception):
        client.send(PING)
        return client.read_exactly(len(PONG)) == PONG
    return False


class TunnelOrigin:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.wake, self.woken = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        for sock in (self.listener, self.woken):
            self.selector.register(sock, selectors.EVENT_READ, bytearray())
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.woken:
                    return
                if key.fileobj is self.listener:
                    self.selector.register(self.listener.accept()[0], selectors.EVENT_READ, bytearray())
                else:
                    self._serve(key.fileobj, key.data)

    def _serve(self, sock, received):
        try:
            chunk = sock.recv(65536)
            received += chunk
            if b"\r\n\r\n" in received:
                received.clear()
                sock.sendall(UPGRADED)
            while received.startswith(PING):
                del received[: len(PING)]
                sock.sendall(PONG)
        except OSError:
            chunk = b""
        if not chunk:
            self.selector.unregister(sock)
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wake.send(b"x")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        self.wake.close()
