// What OpenSSL asks of a server during the handshake: which server a name means, which protocol of
// ALPN, which key for a ticket.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <span>
#include <string_view>

#include "shm/ticket_keys.h"

namespace weir::tls {

void install_server_hooks(SSL_CTX* context, const shm::TicketKeys* keys);

// The host name of a server_name extension (RFC 6066 §3); nullopt when it is malformed.
std::optional<std::string_view> parse_server_name(std::span<const unsigned char> extension);

}  // namespace weir::tls
