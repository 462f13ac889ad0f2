"""The proxies under test, each with the same features, in a folder and at ports of its own."""

import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from harness import Closed, Failure, RawClient, free_port, wait_until
from measuring import tree

WORKERS = 2
BROTLI = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"  # of libnginx-mod-http-brotli-filter
KEEPALIVE = 64  # idle connections to the origins that a worker (of HAProxy: the process) may keep
REQUESTS = 1000000  # per connection, to clients and origins: reconnecting is a scenario of its own


@dataclasses.dataclass(frozen=True)
class Features:
    """What a scenario needs of a server."""

    tls: bool = False
    log: bool = False
    fields: str = "usual"  # request fields that tell the origin who asks: see FIELDS
    connections: int = 4096  # a worker's most (HAProxy: the process's); nginx takes memory for all of them
    large_buffers: bool = True  # nginx's as large as weir's may grow, or nginx's own default
    hosts: int = 0  # virtual hosts with two routes each
    coding: str = ""  # answers are compressed with this one
    unbuffered: bool = False  # answers go on as they come (ours always do)
    cache_mib: int = 0  # a cache in memory of this size; 0: none
    generation: int = 1  # the value of the field X-Generation, where there are virtual hosts


@dataclasses.dataclass
class Place:
    """Where a server runs and what it leans on."""

    folder: pathlib.Path
    origin_pid: int
    origin_ports: list
    certificate: pathlib.Path
    key: pathlib.Path
    build: pathlib.Path
    files: int  # open files that a process may have


class Server:
    """One proxy: subclasses know its configuration and its commands."""

    name = ""
    moves_bytes_only = False  # neither tells the origin anything nor ends a connection

    def __init__(self, place, features):
        self.place, self.features = place, features
        self.folder = place.folder / self.name
        self.folder.mkdir()
        self.folder.chmod(0o777)  # workers of another user write logs and bodies there
        self.port = free_port()
        self.log_file = self.folder / "access.log"
        self.process = None

    # what subclasses say

    def command(self):
        raise NotImplementedError

    def config(self):
        """The configuration as {file name: text}."""
        raise NotImplementedError

    reload_signal = signal.SIGHUP

    # life

    @property
    def pid(self):
        return self.process.pid

    def write_config(self):
        for name, text in self.config().items():
            (self.folder / name).write_text(text)

    def launch(self):
        """Starts it and does not wait."""
        with open(self.folder / "output", "ab") as output, open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log if self.logs_to_stdout else output,
                stderr=output,
            )

    logs_to_stdout = False

    def start(self):
        self.write_config()
        self.launch()
        try:
            wait_until(self.answers, 20, f"{self.name} to answer")
        except BaseException:
            self.stop()
            raise
        return self

    def answers(self, target="/small", host="localhost"):
        """The answer's head when it is a 200, else nothing."""
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with {self.process.returncode}:\n{self.said()}")
        try:
            with RawClient(self.port, tls=self.features.tls) as client:
                response = client.request("GET", target, [("Connection", "close")], host=host)
                return response if response.status == 200 else None
        except (OSError, Closed):
            return None

    def said(self):
        texts = [self.folder / "output", self.folder / "error.log"]
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in texts if path.exists())

    def reload(self):
        os.kill(self.pid, self.reload_signal)

    def stop(self):
        """Ends it at once; what is left of its processes is killed by id."""
        if self.process is None:
            return
        family = tree(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in family:
                _kill(pid)
            self.process.wait(10)
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @classmethod
    def version(cls, build):
        raise NotImplementedError


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def said_by(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return (done.stdout + done.stderr).strip()


class Weir(Server):
    name = "weir"
    workers = WORKERS
    FIELDS = {"none": "off", "usual": "X-Real-IP X-Forwarded-For X-Forwarded-Proto", "all": "all", "own": "all"}

    def command(self):
        return [str(self.place.build / "weir"), "-p", f"{self.folder}/", "-c", str(self.folder / "weir.ini")]

    def config(self):
        features, place = self.features, self.place
        text = f"""[main]
daemon = off
pid = weir.pid
state_path = .
error_log = stderr warn
worker_processes = {self.workers}
worker_connections = {features.connections}

[upstream origin]
server = 127.0.0.1:{place.origin_ports[0]}-{place.origin_ports[-1]}
keepalive = {KEEPALIVE}
keepalive_requests = {REQUESTS}

[defaults]
keepalive_requests = {REQUESTS}
client_max_body_size = 0
forwarded_headers = {self.FIELDS[features.fields]}
"""
        if features.tls:
            text += f"ssl_certificate = {place.certificate}\nssl_certificate_key = {place.key}\n"
        if features.log:
            text += f"access_log = access\n\n[log access]\npath = {self.log_file}\n"
        listen = f"127.0.0.1:{self.port}" + (" ssl" if features.tls else "")
        text += f"\n[server web]\nlisten = {listen}\nupstream = origin\n"
        if features.cache_mib:
            text += f"cache = pages\n"
        if features.coding:
            text += f"compress = {features.coding}\n"
        if features.cache_mib:
            text += f"\n[cache pages]\nsize = {features.cache_mib}m\n"
        for at in range(features.hosts):
            text += f"\n[server h{at}]\nlisten = {listen}\nserver_name = h{at}.example.com\nupstream = origin\n"
            text += f"add_header = X-Generation {features.generation}\n"
            text += f"\n[location h{at}-a]\nserver = h{at}\npath = /a/\n"
            text += f"\n[location h{at}-b]\nserver = h{at}\npath = /b/\n"
        return {"weir.ini": text}

    @classmethod
    def version(cls, build):
        return said_by(str(build / "weir"), "-v").splitlines()[0].split()[-1]


class WeirPlain(Weir):
    """For what a coding costs: is asked for an answer as long as the coded one, without one."""

    name = "weir-plain"


class WeirOne(Weir):
    """For what it costs that workers share something: has nobody to share it with."""

    name = "weir-one"
    workers = 1


class Floor(Server):
    """Not a proxy but what sockets cost one: parses nothing and moves bytes between two of them (floor.cc)."""

    name = "floor"
    moves_bytes_only = True

    def command(self):
        ports = [str(port) for port in self.place.origin_ports]
        return [str(self.place.build / "bench-floor"), str(self.port), str(WORKERS), *ports]

    def config(self):
        features = self.features
        if features.tls or features.log or features.hosts or features.coding or features.cache_mib:
            raise Failure("moves bytes and can do nothing else")
        return {}

    @classmethod
    def version(cls, build):
        return "floor (bench-floor)"


class Nginx(Server):
    name = "nginx"
    tuned = True
    # As often set for large answers: 13 reads and 17 writes for 1 MiB, as the nginx had that the bars are relative to.
    buffers = "client_body_buffer_size 128k;"
    large_buffers = "proxy_buffers 8 32k;"

    # the four lines of most nginx configurations, and as many as weir adds where nothing is said
    FIELDS = {
        "none": [],
        "usual": [
            "Host $http_host",
            "X-Real-IP $remote_addr",
            "X-Forwarded-For $proxy_add_x_forwarded_for",
            "X-Forwarded-Proto $scheme",
        ],
    }
    FIELDS["all"] = FIELDS["usual"] + [
        "X-Forwarded-Host $http_host",
        "X-Forwarded-Port $server_port",
        "X-Request-Id $request_id",
        'Forwarded "for=$remote_addr;host=\\"$http_host\\";proto=$scheme"',
        'Via "1.1 nginx"',
    ]
    FIELDS["own"] = FIELDS["usual"]

    def command(self):
        return ["nginx", "-p", f"{self.folder}/", "-e", "error.log", "-c", str(self.folder / "nginx.conf")]

    def config(self):
        features, place = self.features, self.place
        origins = "\n".join(f"    server 127.0.0.1:{port};" for port in place.origin_ports)
        fields = "\n".join(f"  proxy_set_header {field};" for field in self.FIELDS[features.fields])
        temporary = "\n".join(
            f"  {kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        tls = ""
        if features.tls:
            tls = f"""
  ssl_certificate {place.certificate};
  ssl_certificate_key {place.key};
  ssl_protocols TLSv1.2 TLSv1.3;"""
        listen = f"127.0.0.1:{self.port}" + (" ssl" if features.tls else "")
        hosts = ""
        for at in range(features.hosts):
            hosts += f"""
  server {{
    listen {listen};
    server_name h{at}.example.com;
    add_header X-Generation {features.generation};
    location /a/ {{ proxy_pass http://origin; }}
    location /b/ {{ proxy_pass http://origin; }}
    location / {{ proxy_pass http://origin; }}
  }}"""
        # No bodies on disk: all stream. Large buffers are good for throughput, but nginx takes them for each answer
        # that a client is slow to read.
        buffers = self.buffers + (self.large_buffers if features.large_buffers else "")
        text = f"""daemon off;
worker_processes {WORKERS};
worker_rlimit_nofile {place.files};
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections {features.connections}; }}
http {{
  access_log {f"{self.log_file} combined" if features.log else "off"};
{temporary}
  keepalive_requests {REQUESTS};
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
{fields}
  proxy_request_buffering off;
  {buffers}
  proxy_max_temp_file_size 0;{tls}
  upstream origin {{
{origins}
    keepalive {KEEPALIVE};
    keepalive_requests {REQUESTS};
  }}
  server {{
    listen {listen} default_server;
    location / {{
      proxy_pass http://origin; {"proxy_cache pages;" if features.cache_mib else ""}
      {self.coding()}
    }}
  }}{hosts}
}}
"""
        if features.cache_mib:
            self.store.mkdir(exist_ok=True)
            self.store.chmod(0o777)
            zone = f"keys_zone=pages:{features.cache_mib}m max_size={features.cache_mib}m inactive=1d"
            text = text.replace("http {", f"http {{\n  proxy_cache_path {self.store} levels=1:2 {zone} use_temp_path=off;\n"
                                "  proxy_cache_lock on;\n  sendfile on;", 1)
            if self.tuned:
                text = text.replace("sendfile on;", "sendfile on;\n  open_file_cache max=200000 inactive=1d;", 1)
        if features.coding == "br":
            text = f"load_module {BROTLI};\n{text}"
        return {"nginx.conf": text}

    def coding(self):
        """It compresses text/html by default. The levels are those of which ours are to be measured; without
        `tuned`, its own: gzip 1, Brotli 6."""
        if not self.features.coding:
            return ""
        name = {"gzip": "gzip", "br": "brotli"}[self.features.coding]
        level = {"gzip": 5, "br": 4}[self.features.coding]
        types = f"{name}_types text/event-stream;"
        proxied = "gzip_proxied any; gzip_http_version 1.1;" if name == "gzip" else ""
        return f"{name} on; {proxied} {types} proxy_set_header Accept-Encoding \"\";" + (
            f" {name}_comp_level {level};" if self.tuned else "") + (
            " proxy_buffering off;" if self.features.unbuffered else "")

    @property
    def store(self):
        """A folder in memory, as fast as its cache can be."""
        return pathlib.Path("/dev/shm") / f"weir-bench-{os.getpid()}-{self.folder.parent.name}-{self.name}"

    def stop(self):
        super().stop()
        shutil.rmtree(self.store, ignore_errors=True)

    @classmethod
    def version(cls, build):
        return said_by("nginx", "-v").removeprefix("nginx version: ")


class NginxAsItComes(Nginx):
    """With the buffers that it has where nobody sets them: 4 or 8 KiB each; it opens a stored file for each hit."""

    name = "nginx-default"
    tuned = False
    buffers = large_buffers = ""


class NginxLarge(Nginx):
    """With the buffers that it was fastest with here: 9 reads and 11 writes for 1 MiB."""

    name = "nginx-large"
    buffers = "client_body_buffer_size 256k;"
    large_buffers = "proxy_buffer_size 16k; proxy_buffers 4 64k; proxy_busy_buffers_size 128k;"


class Haproxy(Server):
    name = "haproxy"
    reload_signal = signal.SIGUSR2

    FIELDS = {
        "none": [],
        "usual": [
            "X-Real-IP %[src]",
            "X-Forwarded-Proto %[ssl_fc,iif(https,http)]",
        ],
    }
    FIELDS["all"] = FIELDS["usual"] + [
        "X-Forwarded-Host %[req.hdr(host)]",
        "X-Forwarded-Port %[dst_port]",
        "X-Request-Id %[uuid]",
        'Forwarded "for=%[src];host=%[req.hdr(host)];proto=%[ssl_fc,iif(https,http)]"',
        'Via "1.1 haproxy"',
    ]
    FIELDS["own"] = FIELDS["usual"]

    @property
    def logs_to_stdout(self):
        return self.features.log  # it writes no files: a line to stdout, which is the file

    def command(self):
        return ["haproxy", "-W", "-f", str(self.folder / "haproxy.cfg")]

    def config(self):
        features, place = self.features, self.place
        files = {}
        bind = f"bind 127.0.0.1:{self.port}"
        if features.tls:
            files["pair.pem"] = place.certificate.read_text() + place.key.read_text()
            bind += f" ssl crt {self.folder}/pair.pem"
        fields = [f"  http-request set-header {field}" for field in self.FIELDS[features.fields]]
        if features.fields != "none":
            fields.append("  option forwardfor")
        log = "  log stdout format raw daemon\n  option httplog clf" if features.log else "  no log"
        rules = ""
        if features.hosts:
            rules = f"  use_backend %[req.hdr(host),lower,map({self.folder}/hosts.map,origin)]\n"
            files["hosts.map"] = "".join(f"h{at}.example.com h{at}\n" for at in range(features.hosts))
        servers = "\n".join(f"  server o{at} 127.0.0.1:{port}" for at, port in enumerate(place.origin_ports))
        text = f"""global
  nbthread {WORKERS}
  maxconn {features.connections}
  no strict-limits
  stats socket {self.folder}/admin.sock mode 600 level admin expose-fd listeners
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
{log}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 75s
  http-reuse always
frontend web
  {bind}
{chr(10).join(fields)}
{rules}  default_backend origin
backend origin
  balance roundrobin
{"  http-request cache-use pages" if features.cache_mib else ""}
{"  http-response cache-store pages" if features.cache_mib else ""}
{f"  compression algo {features.coding}" if features.coding else ""}
{"  compression type text/html text/event-stream" if features.coding else ""}
{servers}
"""
        if features.cache_mib:
            text += f"cache pages\n  total-max-size {features.cache_mib}\n  max-object-size {2 << 20}\n  max-age 86400\n"
        for at in range(features.hosts):
            text += f"""backend h{at}
  http-response set-header X-Generation {features.generation}
  acl a path_beg /a/
  acl b path_beg /b/
  http-request set-header X-Route a if a
  http-request set-header X-Route b if b
{servers}
"""
        files["haproxy.cfg"] = re.sub(r"\n\n+", "\n", text)
        return files

    @classmethod
    def version(cls, build):
        return "haproxy/" + said_by("haproxy", "-v").split()[2]


class Varnish(Server):
    """For the cache alone: it speaks no TLS. One process with threads instead of workers."""

    name = "varnish"

    def command(self):
        features = self.features
        pools = ["-p", f"thread_pools={WORKERS}", "-p", "thread_pool_min=50"]
        store = ["-s", f"malloc,{features.cache_mib or 64}m"]
        return ["varnishd", "-F", "-n", str(self.folder / "work"), "-a", f"127.0.0.1:{self.port}", "-T", "none", *pools,
                *store, "-f", str(self.folder / "default.vcl")]  # fmt: skip

    def config(self):
        port = self.place.origin_ports[0]
        return {"default.vcl": f'vcl 4.1;\nbackend origin {{ .host = "127.0.0.1"; .port = "{port}"; }}\n'
                "sub vcl_recv { set req.http.X-Real-IP = client.ip; set req.http.X-Forwarded-Proto = \"http\"; }\n"}

    @classmethod
    def version(cls, build):
        return "varnish/" + said_by("varnishd", "-V").split("varnish-")[1].split()[0]


KINDS = {
    kind.name: kind
    for kind in (Weir, WeirPlain, WeirOne, Floor, Nginx, NginxLarge, NginxAsItComes, Haproxy, Varnish)
}


def settle():
    """Lets a server finish what a load that has ended left it: connections to close, lines to write."""
    time.sleep(0.1)
