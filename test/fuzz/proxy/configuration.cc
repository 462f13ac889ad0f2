#include "test/fuzz/proxy/configuration.h"

namespace weir::fuzz {

// Short times and small limits, so that they are met. X-Conn and X-Req tell which request it was,
// by numbers of weir's own.
const char* const configuration = R"([main]
error_log = stderr emerg
buffer_pool_size = 1m
worker_connections = 16
worker_rlimit_nofile = auto
hit_memory = 8
hit_file_memory = 200k
compress_memory = 3m
[log access]
path = access.log
format = "$connection $connection_requests $status $bytes_sent"
[upstream app]
server = 127.0.0.1:8001
server = 127.0.0.1:8002
server = 127.0.0.1:8003
retry = tries=3 on=error,timeout,invalid,http_5xx,http_404 per_try_timeout=1500ms
retry_body_max_size = 100k
hedge = after p95
keepalive = 3
keepalive_timeout = 5s
keepalive_requests = 4
[upstream local]
server = unix:/run/local.sock
keepalive = 0
retry = tries=2 on=error,http_503 backoff=300ms budget=0%
retry_body_max_size = 16k
[api_keys keys]
header = X-Api-Key
key = one sha256:a2e4ab0472c808a1ff2ce147ae4f6cd9ecd8bcc8a49c48350f97e6811ace7464
[cache pages]
size = 1m
max_object_size = 150k
default_ttl = 2s
ttl = 404:1s 403:0
stale_while_revalidate = 3s
stale_if_error = 10s
lock_timeout = 500ms
bypass = $arg_bypass
no_store = $arg_nostore $upstream_http_x_nostore
[cache parts]
size = 1m
slice = 16k
default_ttl = 2s
stale_while_revalidate = 3s
lock_timeout = 500ms
cache_methods = GET HEAD POST
post_body_max_size = 100
key_headers = X-Key
[server web]
listen = 127.0.0.1:80
server_name = a
set_real_ip_from = 10.0.0.0/8
upstream = app
access_log = access
client_header_timeout = 2s
client_body_timeout = 2s
send_timeout = 2s
keepalive_timeout = 3s
keepalive_requests = 6
lingering_time = 3s
lingering_timeout = 1s
lingering_max_size = 100k
proxy_connect_timeout = 1s
proxy_read_timeout = 2s
proxy_send_timeout = 2s
proxy_buffer_size_max = 64k
set_header = X-Conn $connection
set_header = X-Req $connection_requests
set_header = X-Uri $uri
add_header = X-Conn $connection
add_header = X-Req $connection_requests
remove_header = X-Conn
remove_header = X-Req
[location text]
server = web
path = /text
return = 200 "$request_method $request_uri $http_x_a"
[location moved]
server = web
path = /moved
return = 301 https://$host$request_uri
[location nothing]
server = web
path = exact /nothing
return = 444
[location rewritten]
server = web
path = /old/
rewrite = ^/old/(.*)$ /new/$1 last
[location local]
server = web
path = regex ^/local[0-9]*/
upstream = local
[location guarded]
server = web
path = /guarded
auth = api_keys:keys
[location small]
server = web
path = /small
client_max_body_size = 10
[location stored]
server = web
path = /stored
cache = pages
purge = api_keys:keys
[location coded]
server = web
path = /coded
compress = br zstd gzip deflate
compress_min_length = 10
compress_window = 32k
decompress = on
decompress_max_size = 300k
[location both]
server = web
path = /stored/coded
cache = pages
purge = api_keys:keys
compress = br zstd gzip deflate
compress_min_length = 10
compress_level = gzip:1
compress_window = 32k
compress_cached_uses = 2
decompress = on
[location sliced]
server = web
path = /sliced
cache = parts
purge = api_keys:keys
compress = gzip
compress_types = *
[location again]
server = web
path = /again
cache = pages
compress = gzip
access_log = off
add_header = off
[server other]
listen = 127.0.0.1:80
server_name = *.other
upstream = local
access_log = access
merge_slashes = off
reject_encoded_slash = on
underscores_in_headers = on
keepalive_timeout = 0
client_header_timeout = 2s
client_body_timeout = 2s
send_timeout = 2s
proxy_connect_timeout = 1s
proxy_read_timeout = 2s
proxy_send_timeout = 2s
set_header = X-Conn $connection
set_header = X-Req $connection_requests
add_header = X-Conn $connection
add_header = X-Req $connection_requests
remove_header = X-Conn
remove_header = X-Req
)";

Place place_of(std::string_view path) {
  Place place;
  const bool both = path.starts_with("/stored/coded");
  place.sliced = path.starts_with("/sliced");
  place.quiet = path.starts_with("/again");
  place.stored = path.starts_with("/stored") || place.sliced || place.quiet;
  place.coded = path.starts_with("/coded") || both || place.sliced || place.quiet;
  return place;
}

}  // namespace weir::fuzz
