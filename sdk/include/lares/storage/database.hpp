// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/task.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/export.hpp>
#include <lares/base/ref_counted.hpp>
#include <lares/base/time.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace lares {
class Runtime;
}

namespace lares::storage {

/// A read that holds its snapshot for longer is ended with SnapshotTooOld: what is older than the oldest
/// snapshot cannot be cleaned up by either engine.
inline constexpr std::chrono::milliseconds kSnapshotLifetime{5000};

/// How long `write_certain` asks for an outcome before it gives up.
inline constexpr std::chrono::seconds kCertaintyTimeout{60};

/// The name of a transaction in metrics and logs: a literal, so that the set of names is closed.
class TransactionName {
 public:
  consteval TransactionName(const char* name) : name_{name} {}
  [[nodiscard]] constexpr std::string_view view() const noexcept { return name_; }

 private:
  std::string_view name_;
};

/// A transaction as an engine sees it: a function to call with a transaction, and a coroutine to wake when it
/// is over.
///
/// **Lifetime**: lives in the frame of the coroutine that awaits it, from `submit` until `finish`.
class LARES_EXPORT Job {
 public:
  enum class Kind : std::uint8_t { Read, Write };
  using Body = void (*)(Job& job, ReadTransaction& transaction);

  Job(Kind kind, std::string_view name, Body body) noexcept : kind_{kind}, name_{name}, body_{body} {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::string_view name() const noexcept { return name_; }

  /// Calls the function under the caller's log context, on the thread of the database. Called again for every
  /// further try.
  void run(ReadTransaction& transaction);

  /// Wakes the caller when the batch is flushed. `error` says why it failed, null that it was committed. The
  /// job may be gone afterwards.
  void finish(WakeBatch& batch, SteadyTime now, std::exception_ptr error = nullptr) noexcept;

  /// Not 0 where the outcome must be found out if the connection dies during COMMIT: the transaction holds a
  /// shared lock of this number, and one that is `settling` an exclusive one, so that it begins after the
  /// other has ended.
  [[nodiscard]] std::int64_t certainty_lock() const noexcept { return certainty_lock_; }
  [[nodiscard]] bool settling() const noexcept { return settling_; }

  Job* next = nullptr;      ///< for the engine's queue
  SteadyTime started_at{};  ///< when it left the queue; set by the engine

 protected:
  ~Job() = default;

 private:
  friend class Database;

  Kind kind_;
  std::string_view name_;
  Body body_;
  std::int64_t certainty_lock_ = 0;
  bool settling_ = false;
  bool rehearse_ = false;
  SteadyTime finished_at_{};
  std::exception_ptr error_;
  RefPtr<LogContext> context_;
  const StatementTimes* times_ = nullptr;
  Waiter done_;
};

/// Counters of one database, for its metrics.
///
/// **Threads**: any.
struct DatabaseStatistics {
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> retried{0};
  std::atomic<std::uint64_t> commits{0};        ///< groups on SQLite: writes / commits is the size of a group
  std::atomic<std::uint64_t> overloaded{0};     ///< refused because the queue was full
  std::atomic<std::uint64_t> reads_queued{0};   ///< waiting now
  std::atomic<std::uint64_t> writes_queued{0};  ///< waiting now
  std::atomic<std::uint64_t> calls{0};          ///< statements run; many rows in one call count once
};

struct DatabaseOptions {
  /// Run every write twice, the first time rolled back. For tests: it finds functions that do more than SQL.
  bool rehearse_writes = false;
  /// For the metrics.
  std::string server_name;
};

/// The database of one server: transactions as coroutines, on threads of the engine's own.
///
///     auto name = co_await db.read("display_name", [&](ReadTransaction& tx) {
///       return tx.maybe(kDisplayName, user_id, [](const Row& row) { return row.bytes_copy(0); });
///     });
///     co_await db.write("set_display_name", [&](WriteTransaction& tx) { tx.exec(kSetName, user_id,
///     Bytes{new_name}); });
///
/// The function may refer to locals of the awaiting coroutine, which stands still meanwhile; it runs on a
/// thread of the database, under the caller's log context. The context is charged one transaction, its wait
/// in the queue as scheduling, and its wall time.
///
/// **Threads**: any.
/// **Errors**: what the function throws, and the types of errors.hpp. Nothing of a failed write is there.
/// **Cancellation**: a read that waits in the queue is left out; one that runs is finished, and its result
/// dropped. A write that was submitted is never cancelled.
class LARES_EXPORT Database {
 public:
  static constexpr std::string_view kServiceId = "lares.storage.database/1";

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database();

  /// Runs `function(ReadTransaction&)` on one snapshot and gives what it returns.
  template <class Function>
  Task<std::invoke_result_t<Function&, ReadTransaction&>> read(TransactionName name, Function function) {
    return perform<ReadTransaction>(name.view(), std::move(function), Certainty{});
  }

  /// Runs `function(WriteTransaction&)` and commits; gives what it returned in the run that was committed.
  /// The next read in this process sees it. The function may run more than once.
  template <class Function>
  Task<std::invoke_result_t<Function&, WriteTransaction&>> write(TransactionName name, Function function) {
    return perform<WriteTransaction>(name.view(), std::move(function), Certainty{});
  }

  /// A write whose outcome is always found out. When the connection dies during COMMIT,
  /// `find(WriteTransaction&)` is asked on a new one, once nothing of the old one can still be under way,
  /// whether the write is there: it gives an optional of what `function` returns, and an empty one means that
  /// `function` runs again. What it looks for is a row that only this write can have made: its batch's row,
  /// its idempotence key.
  ///
  /// **Errors**: CommitUnknown only if the database does not come back within `kCertaintyTimeout`.
  template <class Function, class Find>
  Task<std::invoke_result_t<Function&, WriteTransaction&>> write_certain(TransactionName name,
                                                                         Function function, Find find) {
    using Result = std::invoke_result_t<Function&, WriteTransaction&>;
    static_assert(std::same_as<std::invoke_result_t<Find&, WriteTransaction&>, std::optional<Result>>,
                  "`find` gives an optional of what the write returns.");
    Certainty certainty;
    certainty.lock = certainty_number();
    for (;;) {
      try {
        co_return co_await perform<WriteTransaction>(name.view(), std::ref(function), certainty);
      } catch (const CommitUnknown&) {
        certainty.unknown = std::current_exception();
      }
      certainty.settling = true;
      std::optional<Result> found;
      while (certainty.settling) {
        co_await pause_before_asking(certainty);
        try {
          found = co_await perform<WriteTransaction>(name.view(), std::ref(find), certainty);
          certainty.settling = false;
        } catch (const Unavailable&) {
        } catch (const Overloaded&) {
        } catch (const CommitUnknown&) {
        }
      }
      if (found.has_value()) {
        co_return *std::move(found);
      }
    }
  }

  [[nodiscard]] virtual Engine engine() const noexcept = 0;
  [[nodiscard]] const DatabaseStatistics& statistics() const noexcept { return statistics_; }

 protected:
  Database(Runtime& runtime, DatabaseOptions options);

  /// Takes a job over, to finish it later; never blocks. If the queue is full it is finished at once with
  /// Overloaded.
  virtual void submit(Job& job) noexcept = 0;

  Runtime& runtime_;
  DatabaseStatistics statistics_;

 private:
  struct Certainty {
    std::int64_t lock = 0;
    bool settling = false;
    std::exception_ptr unknown = nullptr;
    int tries = 0;
    SteadyTime give_up_at{};
  };

  template <class Transaction, class Function>
  struct TypedJob final : Job {
    using Result = std::invoke_result_t<Function&, Transaction&>;
    using Kept = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;

    TypedJob(std::string_view name, Function& call) noexcept
        : Job{std::same_as<Transaction, WriteTransaction> ? Kind::Write : Kind::Read, name, &body},
          function{call} {}

    static void body(Job& job, ReadTransaction& transaction) {
      auto& self = static_cast<TypedJob&>(job);
      if constexpr (std::is_void_v<Result>) {
        self.function(static_cast<Transaction&>(transaction));
      } else {
        self.result.reset();
        self.result.emplace(self.function(static_cast<Transaction&>(transaction)));
      }
    }

    Function& function;
    std::optional<Kept> result;
  };

  template <class Transaction, class Function>
  Task<std::invoke_result_t<Function&, Transaction&>> perform(std::string_view name, Function function,
                                                              Certainty certainty) {
    using Result = std::invoke_result_t<Function&, Transaction&>;
    static_assert(!std::is_reference_v<Result> && !std::same_as<Result, std::string_view>,
                  "What a transaction returns outlives it: return a copy.");
    TypedJob<Transaction, Function> job{name, function};
    job.certainty_lock_ = certainty.lock;
    job.settling_ = certainty.settling;
    co_await run(job);
    if constexpr (!std::is_void_v<Result>) {
      co_return *std::move(job.result);
    }
  }

  Task<void> run(Job& job);
  [[nodiscard]] std::int64_t certainty_number();
  // Throws certainty.unknown once kCertaintyTimeout has passed.
  Task<void> pause_before_asking(Certainty& certainty);

  struct Metrics;

  DatabaseOptions options_;
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace lares::storage
