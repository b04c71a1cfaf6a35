// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

#include "account_data_service.hpp"

namespace lares::account_data {

/// The stream of account data as every process reads it.
class AccountDataStream final : public stream::Stream {
 public:
  AccountDataStream(storage::Database& database, storage::Interner& interner, stream::Notifier& notifier,
                    AccountDataService& service);

  [[nodiscard]] std::string_view name() const noexcept override { return "account_data"; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

 private:
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Notifier& notifier_;
  AccountDataService& service_;
};

}  // namespace lares::account_data
