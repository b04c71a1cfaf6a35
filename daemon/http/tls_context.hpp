// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace lares::http {

/// A certificate chain and its key, ready for connections. Each connection keeps the one it began with, so
/// that a reload changes what new connections see and drops none.
///
/// **Threads**: any once constructed.
class TlsContext {
 public:
  /// Reads both files (PEM). **Errors**: std::runtime_error with a sentence that names the file and the
  /// reason; a key that everyone on the machine can read is refused.
  TlsContext(const std::string& certificate_path, const std::string& key_path);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_; }

 private:
  ssl_ctx_st* context_;
};

}  // namespace lares::http
