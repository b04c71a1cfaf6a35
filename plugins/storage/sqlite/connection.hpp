// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/time.hpp>
#include <lares/storage/statement.hpp>

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lares {
class Runtime;
}

namespace lares::storage::sqlite {

struct SqliteOptions;

/// A prepared statement and where its parameters stand.
struct Prepared {
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle;
  std::vector<int> positions;  ///< of $1, $2, ...; 0 for a number that the text leaves out
  bool writes = false;
  bool running = false;
};

enum class ConnectionRole : std::uint8_t { Writer, Reader, Checkpointer };

/// One handle on the database file and its prepared statements.
///
/// **Threads**: one.
class Connection {
 public:
  Connection(const SqliteOptions& options, ConnectionRole role, Runtime& runtime);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }

  /// Prepared at its first use and kept.
  Prepared& prepare(const Statement& statement);
  Prepared& prepare(const InsertMany& statement);
  Prepared& prepare(const ChangeMany& statement);
  Prepared& prepare(const LookupMany& statement);
  /// A further copy, for a statement that is run while it runs.
  [[nodiscard]] Prepared prepare_again(const Prepared& running);

  /// Runs a literal without parameters and rows: BEGIN, COMMIT, SAVEPOINT.
  void run(const char* literal);

  /// Statements are interrupted from then on; SteadyTime::max() for never.
  void set_deadline(SteadyTime deadline) noexcept { deadline_ = deadline; }
  [[nodiscard]] bool past_deadline() const noexcept;

  /// Tells the simulation, if there is one, what runs next.
  void announce(std::string_view sql) const {
    if (before_statement_) {
      before_statement_(sql);
    }
  }

  /// Throws what the result code means. `text` is the statement.
  [[noreturn]] void fail(int code, std::string_view text);

  /// Whether a statement has failed since the last `forget_failure`.
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }
  void forget_failure() noexcept { has_failed_ = false; }

 private:
  [[nodiscard]] Prepared compile(std::string_view sql);
  template <class Many>
  Prepared& prepare_many(const Many& statement);
  static int on_progress(void* self) noexcept;

  Runtime& runtime_;
  std::function<void(std::string_view)> before_statement_;
  sqlite3* handle_ = nullptr;
  bool has_failed_ = false;
  SteadyTime deadline_ = SteadyTime::max();
  std::unordered_map<const char*, Prepared> statements_;
  std::unordered_map<std::uint64_t, Prepared> many_;
  std::unordered_map<const char*, Prepared> literals_;
};

}  // namespace lares::storage::sqlite
