// SPDX-License-Identifier: Apache-2.0
#include "transaction.hpp"

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <atomic>
#include <cstddef>

namespace lares::storage::sqlite {

namespace {

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) noexcept : statement_{statement} {}
  ~SqliteRow() override = default;

  [[nodiscard]] std::int64_t i64(int column) const override {
    expect(column, SQLITE_INTEGER, "an integer");
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] double real(int column) const override {
    if (type(column) != SQLITE_INTEGER) {
      expect(column, SQLITE_FLOAT, "a real number");
    }
    return sqlite3_column_double(statement_, column);
  }
  [[nodiscard]] bool boolean(int column) const override {
    expect(column, SQLITE_INTEGER, "a boolean");
    return sqlite3_column_int64(statement_, column) != 0;
  }
  [[nodiscard]] std::string_view text(int column) const override {
    expect(column, SQLITE_TEXT, "text");
    const auto* const data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  [[nodiscard]] std::string_view bytes(int column) const override {
    expect(column, SQLITE_BLOB, "bytes");
    const auto* const data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  [[nodiscard]] bool null(int column) const override { return type(column) == SQLITE_NULL; }
  [[nodiscard]] int columns() const noexcept override { return sqlite3_column_count(statement_); }

 private:
  [[nodiscard]] int type(int column) const {
    if (column < 0 || column >= columns()) {
      throw StatementError{fmt::format("Column {} of {}: {}", column, columns(), sqlite3_sql(statement_))};
    }
    return sqlite3_column_type(statement_, column);
  }
  void expect(int column, int wanted, std::string_view name) const {
    if (type(column) != wanted) {
      throw StatementError{fmt::format("Column {} is not {} but of SQLite's type {}: {}", column, name,
                                       type(column), sqlite3_sql(statement_))};
    }
  }

  sqlite3_stmt* statement_;
};

}  // namespace

// One use of a prepared statement: bound, stepped, and reset whatever happens.
class SqliteTransaction::Execution {
 public:
  Execution(Connection& connection, Prepared& prepared) : connection_{connection}, prepared_{&prepared} {
    if (prepared.running) {
      again_ = connection.prepare_again(prepared);
      prepared_ = &again_;
    }
    prepared_->running = true;
  }
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution() {
    sqlite3_reset(handle());
    prepared_->running = false;
  }

  [[nodiscard]] sqlite3_stmt* handle() const noexcept { return prepared_->handle.get(); }
  [[nodiscard]] std::size_t parameters() const noexcept { return prepared_->positions.size(); }

  void expect_parameters(std::size_t given) const {
    if (given != parameters()) {
      throw StatementError{
          fmt::format("{} arguments for {} parameters: {}", given, parameters(), sqlite3_sql(handle()))};
    }
  }

  // Binds from parameter `first` on. The views are not copied: they outlive the steps.
  void bind(std::span<const Argument> arguments, std::size_t first = 0) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const int position = prepared_->positions[first + i];
      if (position == 0) {
        continue;
      }
      const int code = bind_one(position, arguments[i]);
      if (code != SQLITE_OK) {
        connection_.fail(code, sqlite3_sql(handle()));
      }
    }
  }

  [[nodiscard]] bool step() {
    const int code = sqlite3_step(handle());
    if (code == SQLITE_ROW) {
      return true;
    }
    if (code != SQLITE_DONE) {
      connection_.fail(code, sqlite3_sql(handle()));
    }
    return false;
  }

  void rewind() noexcept { sqlite3_reset(handle()); }

  void run_without_rows() {
    while (step()) {
    }
  }

 private:
  int bind_one(int position, const Argument& argument) {
    switch (argument.kind()) {
      case ArgumentKind::Null:
        return sqlite3_bind_null(handle(), position);
      case ArgumentKind::Integer:
      case ArgumentKind::Boolean:
        return sqlite3_bind_int64(handle(), position, argument.integer());
      case ArgumentKind::Real:
        return sqlite3_bind_double(handle(), position, argument.real());
      case ArgumentKind::Text:
        return sqlite3_bind_text64(handle(), position, data_of(argument), argument.view().size(),
                                   SQLITE_STATIC, SQLITE_UTF8);
      case ArgumentKind::Bytes:
        return sqlite3_bind_blob64(handle(), position, data_of(argument), argument.view().size(),
                                   SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
  }

  // A null pointer would bind NULL in place of the empty text.
  static const char* data_of(const Argument& argument) noexcept {
    return argument.view().empty() ? "" : argument.view().data();
  }

  Connection& connection_;
  Prepared* prepared_;
  Prepared again_;
};

void SqliteTransaction::begin_call(std::string_view sql) {
  connection_.announce(sql);
  if (connection_.past_deadline()) {
    throw SnapshotTooOld{"A read held its snapshot for longer than it may; read in pages."};
  }
  ++calls_;
  statistics_.calls.fetch_add(1, std::memory_order_relaxed);
}

void SqliteTransaction::query(const Statement& statement, std::span<const Argument> arguments, RowSink sink) {
  begin_call(statement.text(Engine::Sqlite));
  Prepared& prepared = connection_.prepare(statement);
  if (prepared.writes && kind_ == Job::Kind::Read) {
    throw StatementError{
        fmt::format("A read ran a statement that writes: {}", statement.text(Engine::Sqlite))};
  }
  Execution execution{connection_, prepared};
  execution.expect_parameters(arguments.size());
  execution.bind(arguments);
  const SqliteRow row{execution.handle()};
  while (execution.step()) {
    if (!sink.take(sink.target, row)) {
      return;
    }
  }
}

void SqliteTransaction::lookup(const LookupMany& statement, std::span<const Argument> keys,
                               std::span<const Argument> extra, LookupSink sink) {
  begin_call(statement.from);
  Execution execution{connection_, connection_.prepare(statement)};
  const std::size_t width = statement.keys.size();
  execution.expect_parameters(width + extra.size());
  execution.bind(extra);
  const SqliteRow row{execution.handle()};
  for (std::size_t at = 0; at < keys.size(); at += width) {
    execution.bind(keys.subspan(at, width), extra.size());
    while (execution.step()) {
      sink.take(sink.target, at / width, row);
    }
    execution.rewind();
  }
}

std::int64_t SqliteTransaction::execute(const Statement& statement, std::span<const Argument> arguments) {
  begin_call(statement.text(Engine::Sqlite));
  Prepared& prepared = connection_.prepare(statement);
  Execution execution{connection_, prepared};
  execution.expect_parameters(arguments.size());
  execution.bind(arguments);
  execution.run_without_rows();
  return prepared.writes ? sqlite3_changes64(connection_.handle()) : 0;
}

std::int64_t SqliteTransaction::for_each_row(Prepared& prepared, std::span<const Argument> cells) {
  begin_call(sqlite3_sql(prepared.handle.get()));
  Execution execution{connection_, prepared};
  const std::size_t width = execution.parameters();
  std::int64_t changed = 0;
  for (std::size_t at = 0; at < cells.size(); at += width) {
    execution.bind(cells.subspan(at, width));
    execution.run_without_rows();
    changed += sqlite3_changes64(connection_.handle());
    execution.rewind();
  }
  return changed;
}

std::int64_t SqliteTransaction::insert(const InsertMany& statement, std::span<const Argument> cells) {
  return for_each_row(connection_.prepare(statement), cells);
}

std::int64_t SqliteTransaction::change(const ChangeMany& statement, std::span<const Argument> cells) {
  return for_each_row(connection_.prepare(statement), cells);
}

void SqliteTransaction::lock(std::string_view /*name*/) {}

void SqliteTransaction::set_mark() {
  connection_.run("SAVEPOINT rehearsal");
}

void SqliteTransaction::return_to_mark() {
  connection_.run("ROLLBACK TO rehearsal");
  connection_.run("RELEASE rehearsal");
  connection_.forget_failure();
  calls_ = 0;
}

}  // namespace lares::storage::sqlite
