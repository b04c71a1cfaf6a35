// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/time.hpp>
#include <lares/storage/statement.hpp>
#include <lares/storage/transaction.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lares {
class Runtime;
}

namespace lares::storage::postgres {

struct PostgresOptions;
class ServerSession;

struct ClearResult {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// A statement that the server has prepared: its name there and the types that the server gave its
/// parameters.
struct PreparedStatement {
  std::string name;
  std::string sql;
  std::vector<Oid> parameters;
};

/// A value of a parameter in PostgreSQL's binary form; null has no data.
struct Parameter {
  const char* data = nullptr;
  int length = 0;
};

/// When a statement's outcome is waited for.
enum class Expect : std::uint8_t {
  Now,
  Later,  ///< with the next statement, together with which it goes out
  Never,  ///< it goes out now; its outcome is looked at with the next statement
};

/// How long an answer may take where no deadline is set.
inline constexpr std::chrono::seconds kPatience{60};

/// One connection. What does not have to be answered at once (BEGIN, and the COMMIT of a read) goes out
/// together with the next statement, so that a read of one statement is one round trip.
///
/// **Threads**: one.
/// **Errors**: the types of errors.hpp, Conflict, and ConnectionLost, after which the session is good for
/// nothing.
class Session {
 public:
  Session(const PostgresOptions& options, Runtime& runtime);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Sends a statement without rows.
  void command(const char* sql, Expect expect);
  /// Sends one with a number as its only parameter.
  void command(const char* sql, std::int64_t number, Expect expect);
  /// **Errors**: StatementError if the server rolled back instead, because an error within the transaction
  /// was passed over.
  void commit();
  /// Prepared at its first use and kept.
  const PreparedStatement& prepare(const Statement& statement);
  const PreparedStatement& prepare(const InsertMany& statement);
  const PreparedStatement& prepare(const ChangeMany& statement);
  const PreparedStatement& prepare(const LookupMany& statement);
  Result execute(const PreparedStatement& statement, std::span<const Parameter> parameters);
  /// One row of text out of a query without parameters.
  std::vector<std::string> ask(const char* sql);

  /// Answers are waited for until then; the server is then asked to stop, and the transaction ends with
  /// SnapshotTooOld.
  void set_deadline(SteadyTime deadline) noexcept { deadline_ = deadline; }
  [[nodiscard]] bool past_deadline() const noexcept;
  void set_patience(std::chrono::seconds patience) noexcept { patience_ = patience; }

  /// How often the server was waited for.
  [[nodiscard]] std::uint64_t round_trips() const noexcept { return round_trips_; }
  [[nodiscard]] int server_version() const noexcept { return PQserverVersion(handle_); }

 private:
  template <class Many>
  const PreparedStatement& prepare_many(const Many& statement);
  PreparedStatement prepare_sql(std::string sql);
  void send(bool accepted);
  void answer(Expect expect);
  void sync();
  /// Waits for everything that was sent, and gives the last result. Throws the first error among them.
  Result wait();
  Result next_result();
  void wait_for_socket(bool for_writing);
  /// Asks the server to end the statement. **Errors**: ConnectionLost where it does not take the request.
  void cancel();
  [[noreturn]] void lost() const;

  Runtime& runtime_;
  std::unique_ptr<ServerSession> server_session_;
  PGconn* handle_ = nullptr;
  SteadyTime deadline_ = SteadyTime::max();
  int unanswered_ = 0;
  bool unsynced_ = false;
  int syncs_ = 0;
  bool cancelled_ = false;
  std::chrono::seconds patience_ = kPatience;
  std::string running_;  // for messages
  std::uint64_t round_trips_ = 0;
  std::uint64_t next_name_ = 1;
  std::unordered_map<const char*, PreparedStatement> statements_;
  std::unordered_map<std::uint64_t, PreparedStatement> many_;
};

}  // namespace lares::storage::postgres
