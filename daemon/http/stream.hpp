// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/ref_counted.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lares::http {

class Connection;

enum class IoStatus : std::uint8_t {
  Ok,         ///< some bytes were moved
  WantRead,   ///< try again when the stream is readable
  WantWrite,  ///< try again when the stream is writable
  Eof,        ///< the peer sends no more
  Error,      ///< the connection is gone
};

struct IoResult {
  IoStatus status = IoStatus::Ok;
  std::size_t bytes = 0;
};

enum class Want : std::uint8_t { Read, Write };

/// The bytes of one connection: a socket, TLS over a socket, or the memory of a test. Reads and writes never
/// wait; who has to wait asks to be told, and holds no buffer meanwhile.
///
/// **Threads**: the connection's loop. **Lifetime**: owned by its connection.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  virtual IoResult read(std::span<char> into) noexcept = 0;
  /// Writes from `first` and then `second`, as much as goes without waiting.
  virtual IoResult write(std::string_view first, std::string_view second) noexcept = 0;
  /// Bytes are at hand that a wait for readability would not report.
  [[nodiscard]] virtual bool buffered() const noexcept { return false; }

  /// Calls `connection->on_ready(want)` once, later, when the stream is ready or has failed; never after
  /// close(). One wait of each kind at a time.
  virtual void wait(Want want, RefPtr<Connection> connection) = 0;

  /// Nothing more will be written. The peer sees the end of the stream.
  virtual void shutdown() noexcept = 0;
  /// Ends the connection; waits under way are forgotten.
  virtual void close() noexcept = 0;
};

}  // namespace lares::http
