// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/base/ref_counted.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lares {

class Flow;

/// What was used up under a log context. A copy; copies add and subtract, as blocks do that report a
/// difference.
///
/// utime and stime together are the thread's CPU time (CLOCK_THREAD_CPUTIME_ID) while the context was
/// current, on whatever thread. That clock does not tell user from system time, so a slice is divided as the
/// thread's time has lately been divided (getrusage, asked again at most every 100 ms). A slice shorter than
/// 50 microseconds is taken from the monotonic clock instead, which costs a tenth; when the slice was longer
/// the thread's CPU clock is asked, so that a thread that the kernel had taken off the processor charges
/// nobody for it.
struct LARES_EXPORT Usage {
  std::chrono::nanoseconds utime{0};
  std::chrono::nanoseconds stime{0};
  /// Transactions; one that had to be repeated counts once.
  std::uint64_t db_txn_count = 0;
  /// Time inside transactions, without the wait for a connection. Transactions in parallel may add up to more
  /// than the wall time.
  std::chrono::nanoseconds db_txn_duration{0};
  /// Time waiting for a connection or for the writer's queue.
  std::chrono::nanoseconds db_sched_duration{0};
  /// Events read from the database, not from a cache.
  std::uint64_t evt_db_fetch_count = 0;

  Usage& operator+=(const Usage& other) noexcept;
  Usage& operator-=(const Usage& other) noexcept;
  [[nodiscard]] friend Usage operator+(Usage a, const Usage& b) noexcept { return a += b; }
  [[nodiscard]] friend Usage operator-(Usage a, const Usage& b) noexcept { return a -= b; }
  bool operator==(const Usage&) const = default;
};

/// The facts about a request that its log records carry.
struct RequestFacts {
  std::string request_id{};
  std::string ip_address{};
  std::string site_tag{};
  std::string method{};
  /// Already redacted.
  std::string url{};
  std::string protocol{};
  std::string user_agent{};
};

/// On whose behalf code runs: a request, a background process, or a part of one. Log records carry its
/// fields; CPU time, database transactions and event fetches are charged to it and, at the same moment, to
/// all its ancestors.
///
/// Exactly one context is current on a thread (current_context()); when none is, that is the sentinel, which
/// is charged nothing and under which nothing of the server's own should be logged.
///
/// **Threads** any, except set_request(), which comes before the context is shared. **Lifetime** shared:
/// outlives all code that runs under it.
class LARES_EXPORT LogContext : public RefCounted<LogContext> {
 public:
  /// A context without a parent, or one that also charges `parent`.
  [[nodiscard]] static RefPtr<LogContext> create(std::string name, std::string_view server_name,
                                                 RefPtr<LogContext> parent = {});
  /// A context that charges this one and carries its request facts, named `NAME-SUFFIX`; with an empty
  /// suffix, by this one's name.
  [[nodiscard]] RefPtr<LogContext> child(std::string_view suffix = {});
  /// What is current where nothing else is. Named `sentinel`.
  [[nodiscard]] static LogContext& sentinel() noexcept;

  [[nodiscard]] bool is_sentinel() const noexcept { return this == &sentinel(); }
  /// False for the sentinel.
  [[nodiscard]] explicit operator bool() const noexcept { return !is_sentinel(); }

  /// What log lines show as the request: `GET-17`, `persist_events-3`.
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const std::string& server_name() const noexcept;
  [[nodiscard]] LogContext* parent() const noexcept { return parent_.get(); }

  /// Before the context is shared, once.
  void set_request(RequestFacts facts);
  /// This context's request facts, or those of the nearest ancestor that has some; null for work without a
  /// request.
  [[nodiscard]] const RequestFacts* request() const noexcept;

  /// Who asks, once the gate knows: a user or a server, and who authenticated when acting as another (else
  /// empty). Set again, the last one counts.
  void set_requester(std::string_view requester, std::string_view authenticated_entity = {});
  /// Empty when unknown; an ancestor's when it has none of its own. Valid while the context lives.
  [[nodiscard]] std::string_view requester() const noexcept;
  [[nodiscard]] std::string_view authenticated_entity() const noexcept;

  /// A label of the request's metrics, out of a small set: `sync_v2:incremental_sync`.
  void set_tag(std::string_view tag);
  [[nodiscard]] std::string_view tag() const noexcept;

  /// The owner's scope has ended. Later charges still count here, though nobody looks any more, and running
  /// under it again is reported once as misuse.
  void finish() noexcept { finished_.store(true, std::memory_order_release); }
  [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

  /// What was used so far, the running slice included where the context is current on the calling thread.
  [[nodiscard]] Usage usage() const noexcept;

  /// One database transaction and its time inside the database. Negative times are refused and reported as
  /// misuse.
  void add_db_transaction(std::chrono::nanoseconds duration) noexcept;
  void add_db_sched(std::chrono::nanoseconds waited) noexcept;
  void add_event_fetches(std::uint64_t count) noexcept;
  /// CPU time; the switch between contexts calls it.
  void add_cpu(std::chrono::nanoseconds user, std::chrono::nanoseconds system) noexcept;
  /// Says once that code runs under it though it is finished.
  void report_finished() noexcept;

 private:
  friend class RefCounted<LogContext>;
  friend class Flow;
  struct Text;

  LogContext(std::string name, std::string_view server_name, RefPtr<LogContext> parent);
  ~LogContext();
  LogContext(const LogContext&) = delete;

  const Text* own_or_inherited(std::atomic<Text*> LogContext::* member) const noexcept;
  void publish(std::atomic<Text*> LogContext::* member, std::string_view first, std::string_view second);

  std::string name_;
  std::string server_name_;
  RefPtr<LogContext> parent_;
  RequestFacts* request_ = nullptr;
  std::atomic<Text*> requester_{nullptr};
  std::atomic<Text*> tag_{nullptr};
  std::atomic<bool> finished_{false};
  std::atomic<bool> reported_{false};
  std::atomic<std::int64_t> utime_{0};
  std::atomic<std::int64_t> stime_{0};
  std::atomic<std::uint64_t> db_txn_count_{0};
  std::atomic<std::int64_t> db_txn_duration_{0};
  std::atomic<std::int64_t> db_sched_duration_{0};
  std::atomic<std::uint64_t> evt_db_fetch_count_{0};
};

/// The context under which the calling code runs; the sentinel when there is none.
///
/// **Lifetime** as long as the code that asked runs under it; to keep it longer, make a RefPtr of it.
[[nodiscard]] LARES_EXPORT LogContext& current_context() noexcept;

/// Makes a context current until the end of the scope, across suspensions too when it stands in a coroutine:
/// whenever the coroutine resumes, this context is current, and while it is suspended it is not. Scopes nest.
///
/// It is also how threads that are no loops (pools, main) work under a context, and how a nested part of a
/// request gets one of its own: `ContextScope scope{current_context().child("state_res")};`
///
/// A coroutine's frame that is destroyed while suspended makes nothing current.
///
/// **Threads** ends on the thread, and in the coroutine, where it began. Scopes that end in another order
/// than they began are reported as misuse, and leave the sentinel.
class LARES_EXPORT ContextScope {
 public:
  explicit ContextScope(RefPtr<LogContext> context) noexcept;
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope();

 private:
  RefPtr<LogContext> context_;
  RefPtr<LogContext> previous_;
  RefPtr<Flow> flow_;
};

/// Called when a context is misused: run under after it was finished, left in the wrong order, charged a
/// negative time. By default that is a warning in the log under `lares.logging.context`; tests put in a
/// function that fails. Null restores the default.
using ContextMisuseHandler = void (*)(std::string_view sentence);
LARES_EXPORT void set_context_misuse_handler(ContextMisuseHandler handler) noexcept;

}  // namespace lares
