// SPDX-License-Identifier: Apache-2.0
#include <host/service_manager.hpp>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace lares::host {

ServiceManager::ServiceManager(std::string_view address) : address_(address) {
  if (!address_.empty() && address_.size() < sizeof(sockaddr_un::sun_path)) {
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  }
}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

std::string ServiceManager::address_from_environment() {
  const char* value = std::getenv("NOTIFY_SOCKET");
  std::string address = value == nullptr ? "" : value;
  ::unsetenv("NOTIFY_SOCKET");
  return address;
}

void ServiceManager::ready(std::string_view status) noexcept {
  send(fmt::format("READY=1\nMAINPID={}\nSTATUS={}", ::getpid(), status));
}

void ServiceManager::reloading(std::chrono::microseconds monotonic) noexcept {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reading the configuration again.",
                   monotonic.count()));
}

void ServiceManager::stopping(std::string_view status) noexcept {
  send(fmt::format("STOPPING=1\nSTATUS={}", status));
}

void ServiceManager::status(std::string_view text) noexcept {
  send(fmt::format("STATUS={}", text));
}

void ServiceManager::extend_timeout(std::chrono::microseconds time) noexcept {
  send(fmt::format("EXTEND_TIMEOUT_USEC={}", time.count()));
}

void ServiceManager::send(std::string_view message) noexcept {
  if (socket_ < 0) {
    return;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  if (address.sun_path[0] == '@') {
    address.sun_path[0] = '\0';
  }
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  static_cast<void>(::sendto(socket_, message.data(), message.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length));
}

}  // namespace lares::host
