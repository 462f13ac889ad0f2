#include "conf/nginx_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::conf {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 36> names = {{
    {"proxy_pass", "write upstream = NAME here and a section [upstream NAME]"},
    {"proxy_set_header", "here it is set_header"},
    {"proxy_hide_header", "here it is remove_header"},
    {"proxy_ssl_verify", "here it is ssl_verify in [upstream]"},
    {"proxy_ssl_name", "here it is ssl_name in [upstream]"},
    {"proxy_ssl_server_name", "here it is ssl_server_name in [upstream]"},
    {"proxy_ssl_trusted_certificate", "here it is ssl_trusted_certificate in [upstream]"},
    {"proxy_ssl_certificate", "here it is ssl_certificate in [upstream]"},
    {"proxy_ssl_certificate_key", "here it is ssl_certificate_key in [upstream]"},
    {"proxy_ssl_protocols", "here it is ssl_protocols in [upstream]"},
    {"proxy_ssl_ciphers", "here it is ssl_ciphers in [upstream]"},
    {"proxy_ssl_session_reuse", "here it is ssl_session_reuse in [upstream]"},
    {"proxy_http_version", "HTTP/1.1 with keep-alive is always spoken; remove the line"},
    {"proxy_buffering", "bodies always stream; remove the line"},
    {"proxy_request_buffering", "bodies always stream; remove the line"},
    {"proxy_buffers", "here it is proxy_buffer_size_max"},
    {"proxy_buffer_size", "here it is proxy_header_max_size"},
    {"proxy_next_upstream", "here it is retry in [upstream]"},
    {"proxy_cache", "here it is cache, and a section [cache NAME]"},
    {"proxy_cache_path", "write a section [cache NAME] with size = SIZE"},
    {"proxy_cache_key", "here it is cache_key"},
    {"proxy_cache_valid", "here it is ttl in [cache]: ttl = 200,301:5m any:10s"},
    {"proxy_cache_bypass", "here it is bypass in [cache]"},
    {"proxy_no_cache", "here it is no_store in [cache]"},
    {"proxy_cache_use_stale", "here: stale_while_revalidate and stale_if_error in [cache]"},
    {"proxy_cache_lock", "here it is lock in [cache]"},
    {"large_client_header_buffers", "here: request_line_max_size and client_header_max_size"},
    {"gzip", "here it is compress"},
    {"log_format", "here it is format in a section [log NAME]"},
    {"ip_hash", "here it is balance = ip_hash"},
    {"least_conn", "here it is balance = least_conn"},
    {"limit_req", "here it is limit, and a section [limit NAME]"},
    {"auth_basic", "basic authentication is not built yet"},
    {"location", "a location is a section [location NAME] with server = and path ="},
    {"root", "weir serves no files"},
    {"real_ip_recursive", "it is always on; remove the line"},
}};

}  // namespace

std::string_view find_nginx_name(std::string_view name) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [name](const auto& entry) { return entry.first == name; });
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace weir::conf
