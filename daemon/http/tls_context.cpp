// SPDX-License-Identifier: Apache-2.0
#include <config/secret_file.hpp>
#include <http/tls_context.hpp>

#include <fmt/format.h>

#include <memory>
#include <stdexcept>
#include <string_view>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace lares::http {

namespace {

std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) {
    return "unknown reason";
  }
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

/// We speak HTTP/1.1 alone, and say so to clients that offer more.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/// An encrypted key would make the process ask on its terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

bool use_key(SSL_CTX* context, std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bytes(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_password, nullptr), &EVP_PKEY_free);
  return key != nullptr && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

}  // namespace

TlsContext::TlsContext(const std::string& certificate_path, const std::string& key_path)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (context_ == nullptr) {
    throw std::runtime_error("TLS cannot be set up: " + last_error());
  }
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_options(context_,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  // An idle connection gives its record buffers back; a write may be tried again from another buffer.
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context_, select_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context_, no_password);
  std::string problem;
  if (SSL_CTX_use_certificate_chain_file(context_, certificate_path.c_str()) != 1) {
    problem = fmt::format("The TLS certificate '{}' cannot be used: {}", certificate_path, last_error());
  } else if (const auto key = config::read_secret_file(key_path); !key) {
    problem = fmt::format("The TLS key cannot be used: {}", key.error());
  } else if (!use_key(context_, *key)) {
    problem = fmt::format("The TLS key '{}' cannot be used: {}", key_path, last_error());
  } else if (SSL_CTX_check_private_key(context_) != 1) {
    problem = fmt::format("The TLS key '{}' is not that of the certificate '{}'", key_path, certificate_path);
  }
  if (!problem.empty()) {
    ERR_clear_error();
    SSL_CTX_free(context_);
    throw std::runtime_error(problem);
  }
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

}  // namespace lares::http
