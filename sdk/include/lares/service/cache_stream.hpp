// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lares::storage {
class WriteTransaction;
}

namespace lares::service {

/// Drops entries of caches in every process, in step with the writes that make them stale: for tables without
/// a stream of their own.
///
///     const std::int64_t now_ts = runtime.now_ms();
///     const std::int64_t position = co_await db.write("log_out", [&](WriteTransaction& tx) {
///       tx.exec(kDeleteToken, ...);
///       return caches.invalidate(tx, "tokens", user_id, now_ts);
///     });
///     caches.committed("tokens", user_id, position);
///
/// A reader who finds nothing in its cache asks the database, so only what is there can be stale, for as long
/// as a message takes between two processes; while `connected` is false, the cache is not to be asked at all.
///
/// **Threads**: any.
class LARES_EXPORT CacheStream {
 public:
  static constexpr std::string_view kServiceId = "lares.cache-stream/1";
  virtual ~CacheStream();

  /// Drops an entry, or everything where the key is empty. Called from any thread.
  using Drop = std::function<void(std::string_view key)>;
  /// Names a cache of this process; in a plugin's constructor. `cache` is a literal. What several keep by one
  /// name becomes stale at once.
  virtual void add(std::string_view cache, Drop drop) = 0;

  /// In the transaction that makes an entry stale. Gives what `committed` wants. `now_ts` is read before the
  /// transaction. On a storage thread.
  virtual std::int64_t invalidate(storage::WriteTransaction& tx, std::string_view cache, std::string_view key,
                                  std::int64_t now_ts) = 0;
  /// After the commit: drops the entry here and tells the others.
  virtual void committed(std::string_view cache, std::string_view key, std::int64_t position) = 0;

  /// Whether what other processes make stale is heard of. True where there are none.
  [[nodiscard]] virtual bool connected() const noexcept = 0;
};

}  // namespace lares::service
