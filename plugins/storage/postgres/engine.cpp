// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include "failure.hpp"
#include "transaction.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/error.hpp>
#include <lares/base/log.hpp>

#include <fmt/format.h>

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

namespace lares::storage::postgres {

namespace {

constexpr int kMinimumServer = 150000;
/// How long a transaction waits for a server that is away, and tries again after it lost to others.
constexpr std::chrono::seconds kRetryTime{10};
constexpr int kMostConflicts = 50;

/// Runs what waits for the server on a thread of its own, so that the loop goes on meanwhile: it hears
/// signals, and looks at the clock.
Task<void> on_own_thread(std::function<void()> function) {
  Waiter done;
  std::exception_ptr error;
  std::thread thread;
  co_await done.wait([&] {
    thread = std::thread{[&] {
      try {
        function();
      } catch (...) {
        error = std::current_exception();
      }
      done.notify();
    }};
  });
  thread.join();
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace

PostgresDatabase::PostgresDatabase(PostgresOptions options, Runtime& runtime)
    : Database{runtime, options.database},
      options_{std::move(options)},
      queue_{options_.max_queued, statistics_} {}

PostgresDatabase::~PostgresDatabase() {
  close();
}

Task<void> PostgresDatabase::opened() {
  return on_own_thread([this] { open(); });
}

Task<void> PostgresDatabase::closed() {
  return on_own_thread([this] { close(); });
}

void PostgresDatabase::open() {
  const std::lock_guard opening{opening_};
  const std::size_t at_once = std::clamp<std::size_t>(options_.min_connections, 1,
                                                      std::max<std::size_t>(1, options_.max_connections));
  std::vector<std::unique_ptr<Session>> sessions;
  try {
    sessions.push_back(std::make_unique<Session>(options_, runtime_));
    check_fitness(*sessions.front());
    while (sessions.size() < at_once) {
      sessions.push_back(std::make_unique<Session>(options_, runtime_));
    }
  } catch (const Error& error) {
    // A server that is away may come back, and a new start then succeeds.
    const int code = dynamic_cast<const ConnectionLost*>(&error) != nullptr ? 1 : kExitConfig;
    throw StartError{
        fmt::format("PostgreSQL cannot be used: {}. Check database.args (host, port, user, password, dbname) "
                    "and that the server runs.",
                    error.what()),
        code};
  }
  sessions.resize(std::max<std::size_t>(1, options_.max_connections));
  for (std::unique_ptr<Session>& session : sessions) {
    threads_.emplace_back([this, held = std::move(session)]() mutable { work(std::move(held)); });
  }
}

void PostgresDatabase::close() noexcept {
  queue_.close();
  {
    const std::lock_guard lock{mutex_};
    closing_ = true;
  }
  closing_changed_.notify_all();
  const std::lock_guard opening{opening_};
  for (std::thread& thread : threads_) {
    if (thread.joinable()) {
      thread.join();
    }
  }
}

void PostgresDatabase::check_fitness(Session& session) const {
  if (session.server_version() < kMinimumServer) {
    throw StartError{
        fmt::format("PostgreSQL {} is too old: 15 or later is needed.", session.server_version() / 10000)};
  }
  const std::vector<std::string> locale = session.ask(
      "SELECT pg_encoding_to_char(encoding), datcollate, datctype, datname FROM pg_database "
      "WHERE datname = current_database()");
  if (locale.at(0) != "UTF8") {
    throw StartError{
        fmt::format("The database {} has the encoding {}, but UTF8 is needed. Make it anew: createdb "
                    "--encoding=UTF8 --locale=C "
                    "--template=template0.",
                    locale.at(3), locale.at(0))};
  }
  if ((locale.at(1) != "C" || locale.at(2) != "C") && !options_.allow_unsafe_locale) {
    throw StartError{
        fmt::format("The database {} has the collation {} and the character type {}, but C is needed: an "
                    "index in another order breaks "
                    "when the system's locales change. Make it anew with createdb --locale=C "
                    "--template=template0, or set "
                    "database.allow_unsafe_locale.",
                    locale.at(3), locale.at(1), locale.at(2))};
  }
  // Two processes may come here at once; the loser of that race finds the table made.
  try {
    session.command("CREATE TABLE IF NOT EXISTS lares_locks ()", Expect::Now);
  } catch (const ConstraintViolation&) {
  }
}

void PostgresDatabase::submit(Job& job) noexcept {
  if (!threads_.empty() && queue_.push(job)) {
    return;
  }
  statistics_.overloaded.fetch_add(1, std::memory_order_relaxed);
  WakeBatch batch;
  job.finish(batch, runtime_.steady_now(),
             std::make_exception_ptr(
                 Overloaded{"The queue in front of PostgreSQL is full, or the database is not open."}));
}

void PostgresDatabase::work(std::unique_ptr<Session> session) noexcept {
  pthread_setname_np(pthread_self(), "lares-pg");
  std::int64_t transactions = 0;
  while (Job* const job = queue_.wait()) {
    job->started_at = runtime_.steady_now();
    std::exception_ptr error;
    try {
      perform(*job, session);
    } catch (...) {
      error = std::current_exception();
    }
    const bool read = job->kind() == Job::Kind::Read;
    (error  ? statistics_.failed
     : read ? statistics_.reads
            : statistics_.writes)
        .fetch_add(1, std::memory_order_relaxed);
    WakeBatch batch;
    job->finish(batch, runtime_.steady_now(), std::move(error));
    batch.flush();
    if (options_.transaction_limit > 0 && ++transactions >= options_.transaction_limit) {
      session.reset();
      transactions = 0;
    }
  }
}

void PostgresDatabase::perform(Job& job, std::unique_ptr<Session>& session) {
  const SteadyTime give_up_at = runtime_.steady_now() + kRetryTime;
  for (int tries = 0;; ++tries) {
    bool committing = false;
    try {
      if (session == nullptr) {
        session = std::make_unique<Session>(options_, runtime_);
      }
      attempt(job, *session, committing);
      say_back();
      return;
    } catch (const ConnectionLost& error) {
      session.reset();
      if (committing) {
        throw CommitUnknown{fmt::format("The connection died during COMMIT: {}", error.what())};
      }
      if (runtime_.steady_now() >= give_up_at || !pause(tries)) {
        throw Unavailable{error.what()};
      }
      say_away(error.what());
    } catch (const Conflict& error) {
      if (tries >= kMostConflicts || runtime_.steady_now() >= give_up_at || !pause(tries)) {
        throw Unavailable{fmt::format("The transaction lost to others too often: {}", error.what())};
      }
    }
    statistics_.retried.fetch_add(1, std::memory_order_relaxed);
  }
}

void PostgresDatabase::attempt(Job& job, Session& session, bool& committing) {
  const bool read = job.kind() == Job::Kind::Read;
  try {
    if (job.settling()) {
      settle(job, session);
    }
    session.set_patience(kPatience);
    session.set_deadline(read ? runtime_.steady_now() + kSnapshotLifetime : SteadyTime::max());
    const std::int64_t certainty_lock = job.settling() ? 0 : job.certainty_lock();
    begin(session, job.kind(), certainty_lock);
    {
      PostgresTransaction transaction{session, statistics_, certainty_lock};
      job.run(transaction);
    }
    session.set_deadline(SteadyTime::max());
    if (read) {
      session.command("COMMIT", Expect::Never);
      return;
    }
    committing = true;
    session.commit();
    statistics_.commits.fetch_add(1, std::memory_order_relaxed);
  } catch (const ConnectionLost&) {
    throw;
  } catch (...) {
    committing = false;
    session.set_deadline(SteadyTime::max());
    session.command("ROLLBACK", Expect::Now);
    throw;
  }
}

// One line for the whole of an outage, however many connections find out.
void PostgresDatabase::say_away(std::string_view reason) noexcept {
  if (!away_.exchange(true)) {
    const log::Logger logger{"lares.storage.postgres"};
    logger.warning("PostgreSQL has cut a connection or cannot be reached; transactions are tried again: {}",
                   reason);
  }
}

void PostgresDatabase::say_back() noexcept {
  if (away_.load(std::memory_order_relaxed) && away_.exchange(false)) {
    const log::Logger logger{"lares.storage.postgres"};
    logger.info("PostgreSQL answers again.");
  }
}

// Waits until no transaction holds the lock that the one of unknown outcome took: what it did is then visible
// or gone.
void PostgresDatabase::settle(Job& job, Session& session) {
  session.command("BEGIN", Expect::Later);
  session.command("SET LOCAL lock_timeout = '5s'", Expect::Later);
  session.command("SELECT pg_advisory_xact_lock($1)", job.certainty_lock(), Expect::Now);
  session.command("COMMIT", Expect::Now);
}

bool PostgresDatabase::pause(int tries) noexcept {
  // Chance keeps transactions that lost to each other from meeting again.
  std::uint8_t chance = 0;
  runtime_.random_bytes({&chance, 1});
  const std::chrono::microseconds time{(1000 << std::min(tries, 7)) * (128 + chance) / 256};
  std::unique_lock lock{mutex_};
  return !closing_changed_.wait_for(lock, time, [this] { return closing_; });
}

std::unique_ptr<Database> open_postgres(const PostgresOptions& options, Runtime& runtime) {
  auto database = std::make_unique<PostgresDatabase>(options, runtime);
  database->open();
  return database;
}

}  // namespace lares::storage::postgres
