// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

#include "read_mark_cache.hpp"
#include "recent_rooms.hpp"

namespace lares::receipts {

/// The stream of receipts as every process reads it.
class ReceiptStream final : public stream::Stream {
 public:
  ReceiptStream(storage::Database& database, storage::Interner& interner, stream::Notifier& notifier,
                ReadMarkCache& marks, RecentRooms& recent);

  [[nodiscard]] std::string_view name() const noexcept override { return "receipts"; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

 private:
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Notifier& notifier_;
  ReadMarkCache& marks_;
  RecentRooms& recent_;
};

}  // namespace lares::receipts
