// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

struct sockaddr_storage;

namespace lares::http {

/// A listening socket. Closed when it goes.
class ListeningSocket {
 public:
  ListeningSocket() = default;
  explicit ListeningSocket(int descriptor) noexcept : descriptor_(descriptor) {}
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] int release() noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// Binds and listens. **Errors**: std::system_error.
[[nodiscard]] ListeningSocket listen_tcp(const boost::asio::ip::address& address, std::uint16_t port);

/// The same on a path. A socket that nobody listens on any more is replaced; one that someone does is an
/// error.
/// **Errors**: std::system_error.
[[nodiscard]] ListeningSocket listen_unix(const std::string& path, unsigned mode);

/// The process that listens on a unix socket.
struct SocketHolder {
  pid_t pid = 0;         ///< 0 where the kernel does not tell
  bool stopped = false;  ///< by SIGSTOP: it accepts nothing until it goes on
};

/// Where the socket lies of a process that is to take the place of another which is stopped.
[[nodiscard]] std::string place_beside(const std::string& path);

/// Who listens on a path; nothing where nobody does.
[[nodiscard]] std::optional<SocketHolder> holder_of(const std::string& path);

/// The file of a unix socket that this process made. It is removed when this goes, unless another process has
/// put its own in the place.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

  /// Moves it, over whatever is there. **Errors**: std::system_error.
  void move_to(const std::string& path);

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// The address of a socket as text, without a port: "127.0.0.1", "::1", a path, or "" for an unnamed unix
/// socket. An IPv4 address that came in over IPv6 is written as IPv4.
[[nodiscard]] std::string address_text(const sockaddr_storage& address);
[[nodiscard]] std::uint16_t port_of(int descriptor);
[[nodiscard]] int family_of(int descriptor);

/// The listening sockets that systemd passed to this process (LISTEN_FDS). Taken by address, so that the
/// configuration says what each is for.
class ActivatedSockets {
 public:
  /// Reads the environment. Nothing where the sockets are meant for another process.
  ActivatedSockets();
  ~ActivatedSockets();
  ActivatedSockets(const ActivatedSockets&) = delete;
  ActivatedSockets& operator=(const ActivatedSockets&) = delete;

  /// A socket of this port and address, or of this port and all addresses.
  [[nodiscard]] ListeningSocket take_tcp(const boost::asio::ip::address& address, std::uint16_t port);
  [[nodiscard]] ListeningSocket take_unix(const std::string& path);
  /// "port 8008 of 127.0.0.1" of each that nobody took, for a warning.
  [[nodiscard]] std::vector<std::string> left() const;

 private:
  std::vector<ListeningSocket> sockets_;
};

}  // namespace lares::http
