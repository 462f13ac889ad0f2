"""weir, nginx and HAProxy in front of a fleet, each told the same as far as it can be told: three tries, half a second for
each, a health check or what counts as one each half second, a second to grow into its part."""

import os
import shutil
import subprocess

from harness import Daemon, RawClient, free_port, scratch, wait_until

TRY_MS, PROBE_MS, SLOW_START_MS = 500, 500, 1000

WEIR = """
[upstream origin]
{servers}
keepalive = 64
fail_on = error,timeout,invalid,http_5xx
health_check = uri=/probe interval={probe}ms timeout=400ms fails=2 passes=1
retry = tries=3 on=error,timeout,invalid,http_5xx per_try_timeout={try_time}ms budget=20%
[server web]
listen = 127.0.0.1:@http@
upstream = origin
proxy_connect_timeout = {connect}ms
keepalive_requests = 1000000
"""


class Weir(Daemon):
    def __init__(self, fleet, **options):
        servers = "\n".join(f"server = 127.0.0.1:{port} max_fails=3 fail_timeout=1s slow_start={SLOW_START_MS}ms" for port in fleet.ports)
        text = WEIR.format(servers=servers, probe=PROBE_MS, try_time=TRY_MS, connect=2 * TRY_MS)
        super().__init__(text, **{"workers": 2, **options})


class Peer:
    """Another proxy, with the interface that a measurement needs of one."""

    def __init__(self, fleet):
        self.folder = scratch(self.name)
        self.listen = free_port()
        self.file = self.folder / "config"
        self.file.write_text(self.config(fleet.ports))
        self.process = subprocess.Popen(
            [self.binary(), *self.arguments()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.answers, 10, f"{self.name} to answer")

    @classmethod
    def binary(cls):
        return shutil.which(cls.name, path=f"{os.environ['PATH']}:/usr/sbin")

    def port(self, _name):
        return self.listen

    def answers(self):
        try:
            with RawClient(self.listen) as client:
                return client.request("GET", "/", [("Connection", "close")]).status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Nginx(Peer):
    name = "nginx"

    def arguments(self):
        return ["-p", str(self.folder), "-c", str(self.file), "-g", "daemon off;"]

    def config(self, ports):
        servers = "\n".join(f"    server 127.0.0.1:{port} max_fails=3 fail_timeout=1s;" for port in ports)
        return f"""
worker_processes 2;
pid {self.folder}/pid;
error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
  proxy_next_upstream_tries 3;
  proxy_connect_timeout {TRY_MS}ms;
  proxy_read_timeout {TRY_MS}ms;
  upstream origin {{
    zone origin 64k;
{servers}
    keepalive 64;
  }}
  server {{ listen 127.0.0.1:{self.listen}; location / {{ proxy_pass http://origin; }} }}
}}
"""


class Haproxy(Peer):
    name = "haproxy"

    def arguments(self):
        return ["-W", "-f", str(self.file)]

    def config(self, ports):
        servers = "\n".join(
            f"  server o{at} 127.0.0.1:{port} check inter {PROBE_MS}ms fall 2 rise 1 slowstart {SLOW_START_MS}ms "
            "observe layer7 error-limit 3 on-error mark-down" for at, port in enumerate(ports)
        )  # fmt: skip
        return f"""
global
  nbthread 2
defaults
  mode http
  option forwardfor
  timeout client 30s
  timeout connect {TRY_MS}ms
  timeout server {TRY_MS}ms
  timeout check 400ms
  timeout queue 5s
  retries 2
  option redispatch 1
  retry-on all-retryable-errors
  http-reuse always
frontend web
  bind 127.0.0.1:{self.listen}
  default_backend origin
backend origin
  balance roundrobin
  option httpchk
  http-check send meth GET uri /probe ver HTTP/1.1 hdr Host origin
  http-check expect status 200-399
{servers}
"""


PEERS = (Nginx, Haproxy)
