// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/json/value.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace lares::matrix {

/// Which servers may take part in a room: an `m.room.server_acl` event made ready once and asked for every
/// request. A room without such an event has none, and admits every server.
///
/// **Threads** immutable, so any.
///
/// spec: Client-Server API, "m.room.server_acl"
class LARES_EXPORT ServerAcl {
 public:
  /// Entries that are no strings, or are longer than a server name can be, match nothing. The content of an
  /// event bounds their number.
  explicit ServerAcl(const json::Value& content);
  ~ServerAcl();
  ServerAcl(ServerAcl&&) noexcept;
  ServerAcl& operator=(ServerAcl&&) noexcept;

  /// `server` with or without a port, which does not count.
  [[nodiscard]] bool allows(std::string_view server) const;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lares::matrix
