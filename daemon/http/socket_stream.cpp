// SPDX-License-Identifier: Apache-2.0
#include <http/connection.hpp>
#include <http/socket_stream.hpp>

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace lares::http {

SocketStream::SocketStream(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
}

IoResult SocketStream::read(std::span<char> into) noexcept {
  for (;;) {
    const ssize_t count = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
    if (count > 0) {
      return {IoStatus::Ok, static_cast<std::size_t>(count)};
    }
    if (count == 0) {
      return {IoStatus::Eof, 0};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoStatus::WantRead, 0};
    }
    if (errno != EINTR) {
      return {IoStatus::Error, 0};
    }
  }
}

IoResult SocketStream::write(std::string_view first, std::string_view second) noexcept {
  std::array<iovec, 2> parts{
      {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}}};
  msghdr message{};
  message.msg_iov = first.empty() ? &parts[1] : parts.data();
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  for (;;) {
    const ssize_t count = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
    if (count >= 0) {
      return {IoStatus::Ok, static_cast<std::size_t>(count)};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoStatus::WantWrite, 0};
    }
    if (errno != EINTR) {
      return {IoStatus::Error, 0};
    }
  }
}

void SocketStream::wait(Want want, RefPtr<Connection> connection) {
  const auto type = want == Want::Read ? Socket::wait_read : Socket::wait_write;
  socket_.async_wait(type,
                     [connection = std::move(connection), want](const boost::system::error_code& error) {
                       // Any error but our own close() is found again by the read or write that follows.
                       if (error != boost::asio::error::operation_aborted) {
                         connection->on_ready(want);
                       }
                     });
}

void SocketStream::shutdown() noexcept {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void SocketStream::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace lares::http
