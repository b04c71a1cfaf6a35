// SPDX-License-Identifier: Apache-2.0
#include "transaction.hpp"

#include "binary.hpp"
#include "failure.hpp"
#include "parameters.hpp"

#include <lares/base/strings.hpp>

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <limits>

namespace lares::storage::postgres {

namespace {

// What holds a lock changes the schema, and may build an index.
constexpr std::chrono::hours kPatienceWithLock{6};

// A NUMERIC that is a whole number, such as the sum of a BIGINT column.
std::optional<std::int64_t> whole_number(const char* bytes) noexcept {
  const auto digits = from_network<std::int16_t>(bytes);
  const auto weight = from_network<std::int16_t>(bytes + 2);
  const auto sign = from_network<std::uint16_t>(bytes + 4);
  if (digits > weight + 1 || weight > 4 || (sign != 0 && sign != 0x4000)) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (int i = 0; i <= weight; ++i) {
    const std::int64_t digit = i < digits ? from_network<std::int16_t>(bytes + 8 + 2 * i) : 0;
    if (__builtin_mul_overflow(value, 10000, &value) ||
        __builtin_add_overflow(value, sign == 0 ? digit : -digit, &value)) {
      return std::nullopt;
    }
  }
  return value;
}

class PostgresRow final : public Row {
 public:
  PostgresRow(const PGresult* result, const std::string& sql, int first) noexcept
      : result_{result}, sql_{sql}, first_{first} {}
  ~PostgresRow() override = default;

  void move_to(int row) noexcept { row_ = row; }
  [[nodiscard]] std::int64_t first_i64() const noexcept {
    return from_network<std::int64_t>(PQgetvalue(result_, row_, 0));
  }

  [[nodiscard]] std::int64_t i64(int column) const override {
    const char* const value = present(column);
    switch (type(column)) {
      case oid::kInt8:
        return from_network<std::int64_t>(value);
      case oid::kInt4:
        return from_network<std::int32_t>(value);
      case oid::kInt2:
        return from_network<std::int16_t>(value);
      case oid::kNumeric:
        if (const std::optional<std::int64_t> whole = whole_number(value)) {
          return *whole;
        }
        break;
      default:
        break;
    }
    wrong(column, "an integer");
  }
  [[nodiscard]] double real(int column) const override {
    const char* const value = present(column);
    switch (type(column)) {
      case oid::kFloat8:
        return std::bit_cast<double>(from_network<std::uint64_t>(value));
      case oid::kFloat4:
        return static_cast<double>(std::bit_cast<float>(from_network<std::uint32_t>(value)));
      default:
        return static_cast<double>(i64(column));
    }
  }
  [[nodiscard]] bool boolean(int column) const override {
    const char* const value = present(column);
    if (type(column) != oid::kBool) {
      wrong(column, "a boolean");
    }
    return *value != 0;
  }
  [[nodiscard]] std::string_view text(int column) const override {
    const char* const value = present(column);
    switch (type(column)) {
      case oid::kText:
      case oid::kVarchar:
      case oid::kBpchar:
      case oid::kName:
      case oid::kUnknown:
        return {value, length(column)};
      default:
        wrong(column, "text");
    }
  }
  [[nodiscard]] std::string_view bytes(int column) const override {
    const char* const value = present(column);
    if (type(column) != oid::kBytea) {
      wrong(column, "bytes");
    }
    return {value, length(column)};
  }
  [[nodiscard]] bool null(int column) const override {
    check(column);
    return PQgetisnull(result_, row_, first_ + column) == 1;
  }
  [[nodiscard]] int columns() const noexcept override { return PQnfields(result_) - first_; }

 private:
  void check(int column) const {
    if (column < 0 || column >= columns()) {
      throw StatementError{fmt::format("Column {} of {}: {}", column, columns(), sql_)};
    }
  }
  [[nodiscard]] const char* present(int column) const {
    if (null(column)) {
      wrong(column, "there, but NULL");
    }
    return PQgetvalue(result_, row_, first_ + column);
  }
  [[nodiscard]] Oid type(int column) const noexcept { return PQftype(result_, first_ + column); }
  [[nodiscard]] std::size_t length(int column) const noexcept {
    return static_cast<std::size_t>(PQgetlength(result_, row_, first_ + column));
  }
  [[noreturn]] void wrong(int column, std::string_view wanted) const {
    throw StatementError{fmt::format("Column {} is not {} but of PostgreSQL's type {}: {}", column, wanted,
                                     type(column), sql_)};
  }

  const PGresult* result_;
  const std::string& sql_;
  int first_;
  int row_ = 0;
};

std::int64_t affected(const Result& result) {
  return parse_int64(PQcmdTuples(result.get())).value_or(0);
}

}  // namespace

void begin(Session& session, Job::Kind kind, std::int64_t certainty_lock) {
  session.command(kind == Job::Kind::Read ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                          : "BEGIN ISOLATION LEVEL REPEATABLE READ",
                  Expect::Later);
  if (certainty_lock != 0) {
    session.command("SELECT pg_advisory_xact_lock_shared($1)", certainty_lock, Expect::Later);
  }
}

void PostgresTransaction::begin_call() {
  if (session_.past_deadline()) {
    throw SnapshotTooOld{"A read held its snapshot for longer than it may; read in pages."};
  }
  ++calls_;
  statistics_.calls.fetch_add(1, std::memory_order_relaxed);
}

void PostgresTransaction::query(const Statement& statement, std::span<const Argument> arguments,
                                RowSink sink) {
  begin_call();
  const PreparedStatement& prepared = session_.prepare(statement);
  Parameters parameters{prepared};
  for (const Argument& argument : arguments) {
    parameters.add(argument);
  }
  const Result result = session_.execute(prepared, parameters.complete());
  PostgresRow row{result.get(), prepared.sql, 0};
  const int rows = PQntuples(result.get());
  for (int i = 0; i < rows; ++i) {
    row.move_to(i);
    if (!sink.take(sink.target, row)) {
      return;
    }
  }
}

void PostgresTransaction::lookup(const LookupMany& statement, std::span<const Argument> keys,
                                 std::span<const Argument> extra, LookupSink sink) {
  begin_call();
  const PreparedStatement& prepared = session_.prepare(statement);
  Parameters parameters{prepared};
  for (const Argument& argument : extra) {
    parameters.add(argument);
  }
  const std::size_t width = statement.keys.size();
  for (std::size_t column = 0; column < width; ++column) {
    parameters.add_column(keys, column, width);
  }
  const Result result = session_.execute(prepared, parameters.complete());
  PostgresRow row{result.get(), prepared.sql, 1};
  const int rows = PQntuples(result.get());
  for (int i = 0; i < rows; ++i) {
    row.move_to(i);
    sink.take(sink.target, static_cast<std::size_t>(row.first_i64()), row);
  }
}

std::int64_t PostgresTransaction::execute(const Statement& statement, std::span<const Argument> arguments) {
  begin_call();
  const PreparedStatement& prepared = session_.prepare(statement);
  Parameters parameters{prepared};
  for (const Argument& argument : arguments) {
    parameters.add(argument);
  }
  return affected(session_.execute(prepared, parameters.complete()));
}

std::int64_t PostgresTransaction::execute_arrays(const PreparedStatement& prepared,
                                                 std::span<const Argument> cells) {
  Parameters parameters{prepared};
  const std::size_t width = prepared.parameters.size();
  for (std::size_t column = 0; column < width; ++column) {
    parameters.add_column(cells, column, width);
  }
  return affected(session_.execute(prepared, parameters.complete()));
}

std::int64_t PostgresTransaction::insert(const InsertMany& statement, std::span<const Argument> cells) {
  begin_call();
  return execute_arrays(session_.prepare(statement), cells);
}

std::int64_t PostgresTransaction::change(const ChangeMany& statement, std::span<const Argument> cells) {
  begin_call();
  return execute_arrays(session_.prepare(statement), cells);
}

void PostgresTransaction::lock(std::string_view name) {
  if (certainty_lock_ != 0 || calls_ != 0) {
    throw StatementError{fmt::format(
        "The lock {} must be taken first in a transaction, and not in one whose outcome is made certain.",
        name)};
  }
  // LOCK TABLE takes no snapshot: what is read after it is as new as the lock, which an advisory lock cannot
  // give.
  session_.set_patience(kPatienceWithLock);
  session_.command("LOCK TABLE lares_locks IN EXCLUSIVE MODE", Expect::Now);
  ++calls_;
}

void PostgresTransaction::set_mark() {}

// A savepoint would keep the snapshot, and a lock taken in the second run must come before it.
void PostgresTransaction::return_to_mark() {
  session_.command("ROLLBACK", Expect::Now);
  begin(session_, Job::Kind::Write, certainty_lock_);
  calls_ = 0;
}

}  // namespace lares::storage::postgres
