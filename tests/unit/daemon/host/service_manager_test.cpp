// SPDX-License-Identifier: Apache-2.0
#include <host/service_manager.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <chrono>
#include <cstring>
#include <string>

namespace lares::host {
namespace {

// The manager's end, at an abstract address that the system chooses.
class Manager {
 public:
  Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t));
    socklen_t length = sizeof(address);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    address_ = "@" + std::string(address.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1);
  }
  ~Manager() { ::close(socket_); }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::string receive() const {
    char buffer[512];
    const auto size = ::recv(socket_, buffer, sizeof(buffer), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  int socket_;
  std::string address_;
};

TEST(ServiceManager, HearsEachMessageAsOneDatagram) {
  const Manager manager;
  ServiceManager notify(manager.address());
  notify.ready("Serving x.");
  EXPECT_EQ(manager.receive(), fmt::format("READY=1\nMAINPID={}\nSTATUS=Serving x.", ::getpid()));
  notify.reloading(std::chrono::microseconds(17));
  EXPECT_EQ(manager.receive(), "RELOADING=1\nMONOTONIC_USEC=17\nSTATUS=Reading the configuration again.");
  notify.stopping("Bye.");
  EXPECT_EQ(manager.receive(), "STOPPING=1\nSTATUS=Bye.");
  notify.extend_timeout(std::chrono::seconds(2));
  EXPECT_EQ(manager.receive(), "EXTEND_TIMEOUT_USEC=2000000");
}

TEST(ServiceManager, IsNotMissedWhenThereIsNone) {
  ServiceManager none("");
  none.ready("x");
  ServiceManager gone("/nowhere/notify");
  gone.ready("x");
  ServiceManager hostile(std::string(4096, 'x'));
  hostile.ready("x");
}

}  // namespace
}  // namespace lares::host
