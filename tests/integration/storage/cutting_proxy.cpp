// SPDX-License-Identifier: Apache-2.0
#include "cutting_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace lares::storage::test {

CuttingProxy::CuttingProxy(std::string server_socket) : server_socket_{std::move(server_socket)} {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      ::pipe(stop_pipe_) != 0) {
    throw std::runtime_error{"the proxy cannot listen"};
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { run(); }};
}

CuttingProxy::~CuttingProxy() {
  (void)!::write(stop_pipe_[1], "x", 1);
  thread_.join();
  for (const Pair& pair : pairs_) {
    ::close(pair.client);
    ::close(pair.server);
  }
  ::close(listener_);
  ::close(stop_pipe_[0]);
  ::close(stop_pipe_[1]);
}

void CuttingProxy::cut_at(int n, Cut where) noexcept {
  has_cut_.store(false);
  where_.store(where);
  left_.store(n);
}

bool CuttingProxy::forward(int from, int to, bool from_client) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(from, buffer.data(), buffer.size());
  if (got <= 0) {
    return false;
  }
  bool cut = false;
  if (from_client && left_.load() > 0 && left_.fetch_sub(1) == 1) {
    cut = true;
  }
  if (!cut || where_.load() == Cut::After) {
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t now =
          ::send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (now <= 0) {
        return false;
      }
      sent += now;
    }
  }
  if (cut) {
    has_cut_.store(true);
  }
  return !cut;
}

void CuttingProxy::run() {
  for (;;) {
    std::vector<pollfd> sockets{{.fd = stop_pipe_[0], .events = POLLIN, .revents = 0},
                                {.fd = listener_, .events = POLLIN, .revents = 0}};
    for (const Pair& pair : pairs_) {
      sockets.push_back({.fd = pair.client, .events = POLLIN, .revents = 0});
      sockets.push_back({.fd = pair.server, .events = POLLIN, .revents = 0});
    }
    if (::poll(sockets.data(), sockets.size(), -1) < 0) {
      continue;
    }
    if (sockets[0].revents != 0) {
      return;
    }
    std::vector<Pair> kept;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const Pair pair = pairs_[i];
      bool open = true;
      if (sockets[2 + 2 * i].revents != 0) {
        open = forward(pair.client, pair.server, true);
      }
      if (open && sockets[3 + 2 * i].revents != 0) {
        open = forward(pair.server, pair.client, false);
      }
      if (open) {
        kept.push_back(pair);
      } else {
        ::close(pair.client);
        ::close(pair.server);
      }
    }
    pairs_ = std::move(kept);
    if (sockets[1].revents != 0) {
      const int client = ::accept(listener_, nullptr, nullptr);
      const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strncpy(address.sun_path, server_socket_.c_str(), sizeof address.sun_path - 1);
      if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        pairs_.push_back({client, server});
      } else {
        ::close(client);
        ::close(server);
      }
    }
  }
}

}  // namespace lares::storage::test
