#include "tools/echo/server.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/clock.h"
#include "base/log.h"
#include "net/plain_transport.h"
#include "os/socket.h"
#include "shm/ticket_keys.h"
#include "tls/pem.h"
#include "tls/server_context.h"
#include "tls/tls_transport.h"

namespace weir::echo {
namespace {

constexpr int backlog = 1024;
constexpr std::size_t pool_bytes = std::size_t{256} * 1024 * 1024;

bool read_file(const std::string& path, std::string& out) {
  std::ifstream file(path, std::ios::binary);
  out.assign(std::istreambuf_iterator<char>(file), {});
  return file.good() || file.eof();
}

// A Unix socket is published at once: no other process serves its path.
std::string bind(const Address& address, Fd& out) {
  if (address.is_unix()) {
    auto bound = bind_unix(address.path(), 0666);
    if (!bound) return fmt::format("{}: {}", bound.error().what, std::strerror(errno));
    if (const auto done = publish_unix(*bound, backlog); !done) {
      return fmt::format("{}: {}", done.error().what, std::strerror(errno));
    }
    out = std::move(bound->fd);
    return {};
  }
  BindOptions options;
  options.reuse_port = false;  // a second weir-echo on the same port is a mistake
  auto bound = bind_tcp(address, options);
  if (bound) {
    if (const auto done = listen_on(bound->get(), backlog); !done) bound = done.error();
  }
  if (bound) {
    out = std::move(*bound);
    return {};
  }
  if (errno == EADDRINUSE) return "the port is taken by another process";
  return fmt::format("{}: {}", bound.error().what, std::strerror(errno));
}

}  // namespace

struct Server::Tls {
  shm::TicketsBody shared_by_nobody{};
  shm::TicketKeys keys{&shared_by_nobody, &shared_by_nobody};
  std::unique_ptr<tls::KeyPair> pair;
  std::unique_ptr<tls::ServerContext> context;
  tls::ListenContext listen{{}};
};

Server::Server(Loop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      asked_(options_.behaviour),
      pool_(pool_bytes),
      lingerers_(loop) {}

Server::~Server() { close_all(); }

std::string Server::prepare_tls() {
  std::string error;
  tls::PemPair pem;
  if (options_.certificate_file.empty()) {
    pem = tls::make_development_pair(error);
    if (pem.certificate.empty()) return error;
  } else {
    for (const auto& [path, out] : {std::pair(&options_.certificate_file, &pem.certificate),
                                    std::pair(&options_.key_file, &pem.key)}) {
      if (!read_file(*path, *out) || out->empty()) return fmt::format("{} can't be read", *path);
    }
  }
  auto made = std::make_unique<Tls>();
  made->pair = tls::KeyPair::parse(pem.certificate, pem.key, error);
  if (!made->pair) return error;
  tls::ServerSettings settings;
  settings.pairs = {made->pair.get()};
  const auto now = clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  if (const auto rotated = made->keys.rotate(seconds); !rotated) {
    return std::string(rotated.error().what);
  }
  settings.ticket_keys = &made->keys;
  made->context = tls::ServerContext::make(settings, error);
  if (!made->context) return error;
  made->listen = tls::ListenContext({made->context.get(), 0});
  tls_ = std::move(made);
  return {};
}

std::string Server::obey() {
  if (options_.obey.empty()) return {};
  std::string text;
  if (!read_file(options_.obey, text)) return fmt::format("{} can't be read", options_.obey);
  for (char& c : text) c = c == '\n' ? ' ' : c;
  Behaviour wanted = asked_;
  if (const auto done = steer(text, wanted); !done) {
    return fmt::format("{}: {}", options_.obey, done.error().what);
  }
  options_.behaviour = std::move(wanted);
  return {};
}

std::string Server::listen() {
  for (const Address& address : options_.addresses) {
    auto port = std::make_unique<Port>();
    port->address = address;
    if (const auto why = bind(address, port->fd); !why.empty()) {
      const int error_number = errno;
      auto text = fmt::format("{}: {}", address.to_string(), why);
      errno = error_number;
      return text;
    }
    port->listener = std::make_unique<Listener>(loop_, port->fd.get(), *this, port.get());
    if (const auto done = port->listener->start(); !done) return std::string(done.error().what);
    ports_.push_back(std::move(port));
  }
  return {};
}

void Server::close_all() {
  ports_.clear();
  for (Session& session : sessions_) std::unique_ptr<Session>(&session).reset();
  lingerers_.close_all();
}

std::string_view Server::date() { return date_.text(clock::wall()); }

bool Server::error_is_due() {
  const std::uint64_t before = requests_ * options_.error_percent / 100;
  ++requests_;
  return requests_ * options_.error_percent / 100 != before;
}

void Server::log_line(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

std::unique_ptr<Transport> Server::make_transport(Fd fd, const Address& peer) {
  if (tls_) {
    return std::make_unique<tls::TlsTransport>(loop_, std::move(fd), peer, tls_->listen, pool_);
  }
  return std::make_unique<PlainTransport>(loop_, std::move(fd), peer, Side::client);
}

void Server::on_accept(Listener& listener, Fd fd, const Address& peer) {
  const Port& port = *static_cast<const Port*>(listener.user());
  auto session =
      std::make_unique<Session>(*this, make_transport(std::move(fd), peer), port.address);
  if (const auto done = session->start(); !done) {
    log::error("weir-echo: {}", done.error().what);
    return;
  }
  sessions_.push_back(*session.release());  // over() takes it back
}

void Server::over(Session& session, bool linger) {
  auto transport = session.take_transport();
  transport->set_owner(nullptr);
  if (linger) {
    lingerers_.add(std::move(transport));
  } else {
    loop_.destroy_later(std::move(transport));
  }
  session.unlink();
  loop_.destroy_later(std::unique_ptr<Session>(&session));
}

}  // namespace weir::echo
