// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

#include "audience.hpp"
#include "user_rules.hpp"

namespace lares::push_rules {

/// The reader of the stream of push rules: drops what a change makes stale, wakes the user.
class RulesStream final : public stream::Stream {
 public:
  RulesStream(storage::Database& database, storage::Interner& interner, stream::Notifier& notifier,
              UserRulesCache& rules, Audiences& audiences)
      : database_(database), interner_(interner), notifier_(notifier), rules_(rules), audiences_(audiences) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "push_rules"; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

 private:
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Notifier& notifier_;
  UserRulesCache& rules_;
  Audiences& audiences_;
};

}  // namespace lares::push_rules
