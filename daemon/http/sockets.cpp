// SPDX-License-Identifier: Apache-2.0
#include <http/sockets.hpp>

#include <lares/base/strings.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace lares::http {

namespace {

/// The first descriptor that systemd passes (sd_listen_fds(3)).
constexpr int kFirstActivated = 3;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

ListeningSocket open_socket(int family) {
  ListeningSocket result(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!result) {
    fail("socket");
  }
  return result;
}

void set_option(int descriptor, int level, int name, int value) {
  if (::setsockopt(descriptor, level, name, &value, sizeof value) != 0) {
    fail("setsockopt");
  }
}

void bind_and_listen(int descriptor, const sockaddr* address, socklen_t size) {
  if (::bind(descriptor, address, size) != 0) {
    fail("bind");
  }
  if (::listen(descriptor, SOMAXCONN) != 0) {
    fail("listen");
  }
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw std::system_error(ENAMETOOLONG, std::generic_category(), "socket path");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

sockaddr_storage name_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return address;
}

/// Whether somebody listens at the address. The socket is connected to it then, or it has more connections
/// waiting than it takes.
bool somebody_listens(const ListeningSocket& probe, const sockaddr_un& address) {
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno == EAGAIN;
}

/// As the kernel lists them, the inodes of the sockets that listen and were bound to one of two names.
/// spec: proc(5), /proc/net/unix
std::set<std::string> inodes_of_listeners(const std::string& one, const std::string& other) {
  constexpr unsigned long kAccepts = 1UL << 16U;
  std::set<std::string> result;
  std::ifstream list("/proc/net/unix");
  std::string line;
  std::getline(list, line);
  while (std::getline(list, line)) {
    std::istringstream words(line);
    std::string number, references, protocol, flags, type, state, inode, name;
    words >> number >> references >> protocol >> flags >> type >> state >> inode >> std::ws;
    std::getline(words, name);
    if ((name == one || name == other) && (std::strtoul(flags.c_str(), nullptr, 16) & kAccepts) != 0) {
      result.insert(inode);
    }
  }
  return result;
}

bool has_socket(const std::filesystem::path& process, const std::set<std::string>& inodes) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(process / "fd", error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    const std::string file = std::filesystem::read_symlink(at->path(), gone).string();
    constexpr std::string_view kSocket = "socket:[";
    if (file.starts_with(kSocket) && file.ends_with(']') &&
        inodes.contains(file.substr(kSocket.size(), file.size() - kSocket.size() - 1))) {
      return true;
    }
  }
  return false;
}

/// spec: proc(5), /proc/PID/stat. The name before the state may hold anything, a bracket too.
bool is_stopped(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end).starts_with(") T");
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept : descriptor_(other.release()) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

ListeningSocket::~ListeningSocket() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

int ListeningSocket::release() noexcept {
  return std::exchange(descriptor_, -1);
}

ListeningSocket listen_tcp(const boost::asio::ip::address& address, std::uint16_t port) {
  ListeningSocket result = open_socket(address.is_v6() ? AF_INET6 : AF_INET);
  set_option(result.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.is_v6()) {
    // So that `::` and `0.0.0.0` can stand side by side, whatever the system's default.
    set_option(result.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    to.sin6_scope_id = static_cast<std::uint32_t>(address.to_v6().scope_id());
    const auto bytes = address.to_v6().to_bytes();
    std::memcpy(&to.sin6_addr, bytes.data(), bytes.size());
    bind_and_listen(result.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(address.to_v4().to_uint());
    bind_and_listen(result.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  return result;
}

ListeningSocket listen_unix(const std::string& path, unsigned mode) {
  const sockaddr_un address = unix_address(path);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  struct stat existing{};
  if (::lstat(path.c_str(), &existing) == 0) {
    if (!S_ISSOCK(existing.st_mode)) {
      throw std::system_error(EEXIST, std::generic_category(), "bind");
    }
    if (somebody_listens(open_socket(AF_UNIX), address)) {
      throw std::system_error(EADDRINUSE, std::generic_category(), "bind");
    }
    ::unlink(path.c_str());
  }
  ListeningSocket result = open_socket(AF_UNIX);
  bind_and_listen(result.get(), generic, sizeof address);
  if (::chmod(path.c_str(), mode) != 0) {
    fail("chmod");
  }
  return result;
}

namespace {

/// Who listens where nobody is let in any more. A former holder of the place, which waits to go on, may still
/// listen too: they count as stopped when all are.
SocketHolder holder_by_name(const std::string& path) {
  const auto inodes = inodes_of_listeners(path, place_beside(path));
  SocketHolder holder;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && !inodes.empty() && at != end;
       at.increment(error)) {
    const auto pid = static_cast<pid_t>(std::strtol(at->path().filename().c_str(), nullptr, 10));
    if (pid > 0 && has_socket(at->path(), inodes)) {
      holder.stopped = is_stopped(pid) && (holder.pid == 0 || holder.stopped);
      holder.pid = pid;
    }
  }
  return holder;
}

}  // namespace

std::string place_beside(const std::string& path) {
  return path + ".new";
}

std::optional<SocketHolder> holder_of(const std::string& path) {
  const ListeningSocket probe = open_socket(AF_UNIX);
  if (!somebody_listens(probe, unix_address(path))) {
    return std::nullopt;
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) {
    // The kernel tells of a connection, and there is none where too many wait for one.
    return holder_by_name(path);
  }
  return SocketHolder{.pid = peer.pid, .stopped = is_stopped(peer.pid)};
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat made{};
  if (::lstat(path_.c_str(), &made) != 0) {
    fail("stat");
  }
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

SocketFile::~SocketFile() {
  struct stat now{};
  if (!path_.empty() && ::lstat(path_.c_str(), &now) == 0 && now.st_dev == device_ && now.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

void SocketFile::move_to(const std::string& path) {
  if (std::rename(path_.c_str(), path.c_str()) != 0) {
    fail("rename");
  }
  path_ = path;
}

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  switch (address.ss_family) {
    case AF_INET:
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
      return text;
    case AF_INET6: {
      const in6_addr& ip = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
      if (IN6_IS_ADDR_V4MAPPED(&ip)) {
        ::inet_ntop(AF_INET, &ip.s6_addr[12], text, sizeof text);
      } else {
        ::inet_ntop(AF_INET6, &ip, text, sizeof text);
      }
      return text;
    }
    case AF_UNIX:
      return reinterpret_cast<const sockaddr_un&>(address).sun_path;
    default:
      return {};
  }
}

std::uint16_t port_of(int descriptor) {
  const sockaddr_storage address = name_of(descriptor);
  switch (address.ss_family) {
    case AF_INET:
      return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    case AF_INET6:
      return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    default:
      return 0;
  }
}

int family_of(int descriptor) {
  return name_of(descriptor).ss_family;
}

ActivatedSockets::ActivatedSockets() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || parse_int64(pid) != static_cast<std::int64_t>(::getpid())) {
    return;
  }
  const std::int64_t sockets = parse_int64(count).value_or(0);
  for (std::int64_t at = 0; at < sockets && at < 1024; ++at) {
    const int descriptor = kFirstActivated + static_cast<int>(at);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    sockets_.emplace_back(descriptor);
  }
}

ActivatedSockets::~ActivatedSockets() = default;

ListeningSocket ActivatedSockets::take_tcp(const boost::asio::ip::address& address, std::uint16_t port) {
  for (ListeningSocket& socket : sockets_) {
    if (socket && family_of(socket.get()) != AF_UNIX && port_of(socket.get()) == port) {
      const std::string bound = address_text(name_of(socket.get()));
      if (bound == address.to_string() || bound == "::" || bound == "0.0.0.0") {
        return std::move(socket);
      }
    }
  }
  return {};
}

ListeningSocket ActivatedSockets::take_unix(const std::string& path) {
  for (ListeningSocket& socket : sockets_) {
    if (socket && family_of(socket.get()) == AF_UNIX && address_text(name_of(socket.get())) == path) {
      return std::move(socket);
    }
  }
  return {};
}

std::vector<std::string> ActivatedSockets::left() const {
  std::vector<std::string> result;
  for (const ListeningSocket& socket : sockets_) {
    if (socket) {
      const std::string address = address_text(name_of(socket.get()));
      result.push_back(family_of(socket.get()) == AF_UNIX
                           ? address
                           : fmt::format("port {} of {}", port_of(socket.get()), address));
    }
  }
  return result;
}

}  // namespace lares::http
