// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session.hpp"

#include <lares/storage/database.hpp>
#include <lares/storage/transaction.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace lares::storage::postgres {

/// Begins a transaction. With a `certainty_lock` it holds a shared lock of that number.
void begin(Session& session, Job::Kind kind, std::int64_t certainty_lock);

/// A transaction on one session. BEGIN and COMMIT are its owner's.
///
/// **Threads**: that of its session.
class PostgresTransaction final : public WriteTransaction {
 public:
  PostgresTransaction(Session& session, DatabaseStatistics& statistics, std::int64_t certainty_lock) noexcept
      : session_{session}, statistics_{statistics}, certainty_lock_{certainty_lock} {}
  ~PostgresTransaction() override = default;

  [[nodiscard]] Engine engine() const noexcept override { return Engine::Postgres; }
  void lock(std::string_view name) override;

 protected:
  void query(const Statement& statement, std::span<const Argument> arguments, RowSink sink) override;
  void lookup(const LookupMany& statement, std::span<const Argument> keys, std::span<const Argument> extra,
              LookupSink sink) override;
  std::int64_t execute(const Statement& statement, std::span<const Argument> arguments) override;
  std::int64_t insert(const InsertMany& statement, std::span<const Argument> cells) override;
  std::int64_t change(const ChangeMany& statement, std::span<const Argument> cells) override;
  void set_mark() override;
  void return_to_mark() override;

 private:
  void begin_call();
  std::int64_t execute_arrays(const PreparedStatement& prepared, std::span<const Argument> cells);

  Session& session_;
  DatabaseStatistics& statistics_;
  std::int64_t certainty_lock_;
};

}  // namespace lares::storage::postgres
