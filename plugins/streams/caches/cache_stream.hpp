// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/migration.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/stream.hpp>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::caches {

[[nodiscard]] storage::Schema caches_schema();

/// See service::CacheStream. Every process writes the stream; its rows are kept for a week. With one process
/// nothing is written: what is dropped is dropped here.
class CacheStreamImpl final : public service::CacheStream, public stream::Stream {
 public:
  CacheStreamImpl(Server& server, storage::Database& database, stream::Hub& hub);

  void add(std::string_view cache, Drop drop) override;
  std::int64_t invalidate(storage::WriteTransaction& tx, std::string_view cache, std::string_view key,
                          std::int64_t now_ts) override;
  void committed(std::string_view cache, std::string_view key, std::int64_t position) override;
  [[nodiscard]] bool connected() const noexcept override { return hub_.connected(); }

  [[nodiscard]] std::string_view name() const noexcept override { return "caches"; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber, std::span<const stream::Row>, std::int64_t) override {}
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

 private:
  void drop(std::string_view cache, std::string_view key);

  Server& server_;
  storage::Database& database_;
  stream::Hub& hub_;
  const bool shared_;  // with other processes
  std::multimap<std::string, Drop, std::less<>> drops_;
};

}  // namespace lares::caches
