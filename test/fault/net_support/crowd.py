"""Thousands of clients in one thread, and an origin in a process of its own."""

import errno
import multiprocessing
import select
import socket
import time

from harness import Failure, free_port, scale


class Crowd:
    """Clients of one port, from as many addresses of 127/8 as they need. Without `reads` they take nothing."""

    def __init__(self, port, count, hello=b"", receive_buffer=None, reads=True):
        self.socks = []
        self.gone = 0
        self.received = 0
        self.first = {}  # what came first, by client
        self._poll = select.epoll()
        self._by_fd = {}
        self._wanted = select.EPOLLRDHUP | (select.EPOLLIN if reads else 0)
        for number in range(count):
            sock = self._connect(port, number, receive_buffer)
            self.socks.append(sock)
            if hello:
                sock.send(hello)  # a fresh socket's buffer takes it
            if number % 64 == 63:
                self._settle()

    def _connect(self, port, number, receive_buffer):
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: ports may be used per address
        sock.bind((f"127.1.{number // 16000}.1", 0))
        sock.settimeout(scale(20))  # a queue that is full for a moment makes the kernel try again
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        self._poll.register(sock, self._wanted)
        self._by_fd[sock.fileno()] = sock
        return sock

    def _settle(self, limit=0):
        """Notes which clients were answered or closed; False when there is no news."""
        events = self._poll.poll(limit, 4096)
        for fd, event in events:
            sock = self._by_fd[fd]
            try:
                data = sock.recv(65536) if event & select.EPOLLIN else b""
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                self.received += len(data)
                self.first.setdefault(fd, data[:64])
            else:
                self._poll.unregister(fd)
                del self._by_fd[fd]
                self.gone += 1
        return bool(events)

    def send(self, data):
        """Sends a little on every connection that is still open."""
        for sock in list(self._by_fd.values()):
            try:
                sock.send(data)
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.EAGAIN):
                    raise

    def open(self):
        while self._settle():
            pass
        return len(self._by_fd)

    def wait_gone(self, count, limit):
        """Waits until `count` clients have been closed; returns after how many seconds."""
        start = time.monotonic()
        while self.gone < count:
            if time.monotonic() - start > scale(limit):
                raise Failure(f"{self.gone} of {count} clients were closed within {scale(limit):g} s")
            self._settle(0.02)
        return time.monotonic() - start

    def close(self):
        for sock in self.socks:
            sock.close()
        self._poll.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _serve(listener, answer, endless):
    """Reads heads; answers each with `answer`, and then, for /endless, as much as is taken. Never reads a body."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections = {}
    flooding = set()
    block = b"x" * 65536
    listener.setblocking(False)
    while True:
        for fd, event in poll.poll(1.0, 1024):
            if fd == listener.fileno():
                try:
                    while True:
                        sock, _ = listener.accept()
                        sock.setblocking(False)
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
                        poll.register(sock, select.EPOLLIN)
                        connections[sock.fileno()] = [sock, b""]
                except BlockingIOError:
                    continue
            sock, head = connections[fd]
            try:
                if event & select.EPOLLOUT and fd in flooding:
                    sock.send(block)
                    continue
                data = sock.recv(65536)
                if data:
                    head += data
                    connections[fd][1] = head[-8192:]
                    if b"\r\n\r\n" in head and not head.startswith(b"POST"):
                        connections[fd][1] = b""
                        if endless and head.startswith(b"GET /endless"):
                            sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                            flooding.add(fd)
                            poll.modify(fd, select.EPOLLOUT)
                        else:
                            sock.send(answer)
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass
            poll.unregister(fd)
            flooding.discard(fd)
            connections.pop(fd)[0].close()


class Origin:
    """An origin in a process of its own, so that thousands of clients here do not slow it down."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", endless=True):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(4096)
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_serve, args=(listener, answer, endless), daemon=True)
        self.process.start()
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()
