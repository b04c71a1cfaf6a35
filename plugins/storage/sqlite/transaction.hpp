// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.hpp"

#include <lares/storage/database.hpp>
#include <lares/storage/transaction.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace lares::storage::sqlite {

/// A transaction on one connection. Readers hand it out as a ReadTransaction. BEGIN and COMMIT are its
/// owner's.
///
/// **Threads**: that of its connection.
class SqliteTransaction final : public WriteTransaction {
 public:
  SqliteTransaction(Connection& connection, DatabaseStatistics& statistics, Job::Kind kind) noexcept
      : connection_{connection}, statistics_{statistics}, kind_{kind} {}
  ~SqliteTransaction() override = default;

  [[nodiscard]] Engine engine() const noexcept override { return Engine::Sqlite; }
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
  class Execution;
  void begin_call(std::string_view sql);
  std::int64_t for_each_row(Prepared& prepared, std::span<const Argument> cells);

  Connection& connection_;
  DatabaseStatistics& statistics_;
  Job::Kind kind_;
};

}  // namespace lares::storage::sqlite
