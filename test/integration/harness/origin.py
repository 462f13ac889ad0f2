"""An origin whose every byte a test decides, and that remembers every byte that reached it."""

import socket
import ssl
import threading
import traceback

from .http import Closed, Stream, TimedOut, read_body, read_message
from .ports import free_port
from .support import Failure, certificate, wait_until


class OriginConnection(Stream):
    """One accepted connection: scripts call read_request() and send(); tests look at .requests and .received."""

    def __init__(self, sock, number):
        super().__init__(sock, limit=30)
        self.number = number
        self.requests = []

    def read_request(self, body=True):
        request = read_message(self, body=False)
        self.requests.append(request)  # visible to the test before the body is there
        if body:
            read_body(self, request)
        return request

    def finished(self):
        return self.eof


class ScriptedOrigin:
    """Listens on a free port of 127.0.0.1 (or of `host`, or unix=PATH). `script` says what it does:

    - bytes: the answer to every request, for as long as the connection stands;
    - a list: connection N gets script N (bytes, list of bytes per request, or function), the last one repeats;
    - a function(connection): called in the connection's own thread; the connection closes when it returns.
    """

    def __init__(self, script, tls=False, port=None, unix=None, backlog=128, host="127.0.0.1"):
        self.script = script
        self.connections = []
        self.errors = []
        self._lock = threading.Lock()
        self._context = None
        if tls:
            self._context = tls if isinstance(tls, ssl.SSLContext) else self._own_context()
        if unix:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(str(unix))
            self.port, self.address = None, f"unix:{unix}"
        else:
            self.port = port or free_port()
            self.address = f"{host}:{self.port}"
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, self.port))
        self.listener.listen(backlog)
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _own_context():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate("localhost", "127.0.0.1"))
        return context

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # stopped
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
        except OSError as error:
            self.errors.append(f"TLS handshake: {error}")
            sock.close()
            return
        with self._lock:
            connection = OriginConnection(sock, len(self.connections))
            self.connections.append(connection)
        script = self.script
        if isinstance(script, list):
            script = script[min(connection.number, len(script) - 1)]
        try:
            self._play(script, connection)
        except (Closed, ConnectionError, TimedOut, OSError):
            pass  # the other side left: tests look at what was received
        except Exception:
            self.errors.append(traceback.format_exc())
        finally:
            connection.eof = True
            connection.close()

    @staticmethod
    def _play(script, connection):
        if callable(script):
            script(connection)
        elif isinstance(script, bytes):
            while True:
                connection.read_request()
                connection.send(script)
        else:
            for answer in script:
                connection.read_request()
                connection.send(answer)

    @property
    def requests(self):
        """All requests so far, by connection and order."""
        return [request for connection in list(self.connections) for request in connection.requests]

    def wait_requests(self, count, limit=10.0):
        wait_until(lambda: len(self.requests) >= count, limit, f"{count} requests at the origin")
        return self.requests

    def wait_connections(self, count, limit=10.0):
        wait_until(lambda: len(self.connections) >= count, limit, f"{count} connections at the origin")
        return self.connections

    def stop(self):
        """Closes the port and every connection; a script that failed fails the test."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            connection.close()
        if self.errors:
            raise Failure("the origin's script failed:\n" + "\n".join(self.errors))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except Failure:
            if kind is None:
                raise
