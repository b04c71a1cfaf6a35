// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lares::host {

/// Tells the service manager how the process stands: systemd's notification protocol, one datagram a message.
/// Without a service manager (no NOTIFY_SOCKET) every call does nothing.
///
/// **Threads**: any. **Errors**: none; a manager that does not listen is no reason to fail.
/// spec: sd_notify(3)
class ServiceManager {
 public:
  /// `address`: the value of NOTIFY_SOCKET: a path, or an abstract name after '@'. Empty for none.
  explicit ServiceManager(std::string_view address);
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;
  ~ServiceManager();

  /// Takes the address from the environment and removes it there, so that no child process speaks in our
  /// name.
  [[nodiscard]] static std::string address_from_environment();

  void ready(std::string_view status) noexcept;
  /// Followed by ready() once the reload is over. `monotonic`: CLOCK_MONOTONIC, by which systemd tells
  /// reloads apart.
  void reloading(std::chrono::microseconds monotonic) noexcept;
  void stopping(std::string_view status) noexcept;
  void status(std::string_view text) noexcept;
  /// Asks for so much more time, from now, before start or stop counts as failed.
  void extend_timeout(std::chrono::microseconds time) noexcept;

 private:
  void send(std::string_view message) noexcept;

  int socket_ = -1;
  std::string address_;
};

}  // namespace lares::host
