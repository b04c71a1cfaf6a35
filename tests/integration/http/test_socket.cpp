// SPDX-License-Identifier: Apache-2.0
#include "test_socket.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace lares::http::test {

namespace {

int connected_socket(int family, const sockaddr* address, socklen_t size) {
  const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(descriptor, address, size) != 0) {
    ::close(descriptor);
    return -1;
  }
  return descriptor;
}

}  // namespace

TestSocket TestSocket::tcp(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return TestSocket(connected_socket(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

TestSocket TestSocket::unix_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return TestSocket(connected_socket(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

TestSocket::TestSocket(TestSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      context_(std::exchange(other.context_, nullptr)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      buffer_(std::move(other.buffer_)) {}

TestSocket::~TestSocket() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void TestSocket::start_tls() {
  context_ = SSL_CTX_new(TLS_client_method());
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, descriptor_);
  if (SSL_connect(ssl_) != 1) {
    throw std::runtime_error("no TLS");
  }
}

std::string TestSocket::certificate_name() {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  X509_free(certificate);
  return name;
}

void TestSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                          : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return;  // the server has closed; what it said is read
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool TestSocket::read_more() {
  char block[65536];
  const ssize_t count =
      ssl_ != nullptr ? SSL_read(ssl_, block, sizeof block) : ::recv(descriptor_, block, sizeof block, 0);
  if (count < 0 && ssl_ == nullptr && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    throw std::runtime_error("nothing came for ten seconds");
  }
  if (count <= 0) {
    return false;
  }
  buffer_.append(block, static_cast<std::size_t>(count));
  return true;
}

std::string TestSocket::response() {
  for (;;) {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::size_t field = buffer_.find("Content-Length: ");
      const std::size_t length =
          field < end ? static_cast<std::size_t>(std::strtoul(buffer_.c_str() + field + 16, nullptr, 10)) : 0;
      if (buffer_.size() >= end + 4 + length) {
        std::string result = buffer_.substr(0, end + 4 + length);
        buffer_.erase(0, end + 4 + length);
        return result;
      }
    }
    if (!read_more()) {
      return std::exchange(buffer_, {});
    }
  }
}

std::string TestSocket::rest() {
  while (read_more()) {
  }
  return std::exchange(buffer_, {});
}

void TestSocket::half_close() {
  ::shutdown(descriptor_, SHUT_WR);
}

void TestSocket::reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(descriptor_, -1));
}

void write_certificate(const std::string& name, const std::string& certificate_path,
                       const std::string& key_path) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::string names = "DNS:" + name + ",IP:127.0.0.1";
  for (const auto& [id, value] : {std::pair<int, std::string>{NID_subject_alt_name, names},
                                  std::pair<int, std::string>{NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  std::FILE* file = std::fopen(certificate_path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  ::chmod(key_path.c_str(), 0600);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace lares::http::test
