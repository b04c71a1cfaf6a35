// SPDX-License-Identifier: Apache-2.0
#include <http/tls_context.hpp>
#include <http/tls_stream.hpp>

#include <new>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace lares::http {

TlsStream::TlsStream(Socket socket, std::shared_ptr<const TlsContext> context)
    : SocketStream(std::move(socket)), context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  if (ssl_ == nullptr || SSL_set_fd(ssl_, descriptor()) != 1) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

IoResult TlsStream::failed(int result) noexcept {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::WantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::WantWrite, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::Eof, 0};
    default:
      // The queue is per thread: what stays in it would be taken for another connection's error.
      ERR_clear_error();
      return {IoStatus::Error, 0};
  }
}

IoResult TlsStream::read(std::span<char> into) noexcept {
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &count);
  return result == 1 ? IoResult{IoStatus::Ok, count} : failed(result);
}

IoResult TlsStream::write_one(std::string_view bytes) noexcept {
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &count);
  return result == 1 ? IoResult{IoStatus::Ok, count} : failed(result);
}

IoResult TlsStream::write(std::string_view first, std::string_view second) noexcept {
  // A small body travels in the record of its header.
  constexpr std::size_t kJoin = 4096;
  char joined[kJoin];
  if (!first.empty() && !second.empty() && first.size() + second.size() <= kJoin) {
    first.copy(joined, first.size());
    second.copy(joined + first.size(), second.size());
    return write_one({joined, first.size() + second.size()});
  }
  return write_one(first.empty() ? second : first);
}

bool TlsStream::buffered() const noexcept {
  return SSL_has_pending(ssl_) == 1;
}

void TlsStream::shutdown() noexcept {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) {
    SSL_shutdown(ssl_);
  }
  ERR_clear_error();
  SocketStream::shutdown();
}

}  // namespace lares::http
