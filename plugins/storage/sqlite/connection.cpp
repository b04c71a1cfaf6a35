// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include "options.hpp"

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/dialect.hpp>
#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <utility>

namespace lares::storage::sqlite {

namespace {

// How many steps of SQLite's machine lie between two looks at the clock: some tens of microseconds.
constexpr int kStepsBetweenChecks = 2000;
constexpr int kBusyTimeoutMs = 5000;

// SQLite counts each allocation under one lock of the whole process, for figures that nobody here asks for.
// It can be told so only before its first use.
void count_no_allocations() noexcept {
  static const int code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(code);
}

}  // namespace

Connection::Connection(const SqliteOptions& options, ConnectionRole role, Runtime& runtime)
    : runtime_{runtime}, before_statement_{options.before_statement} {
  count_no_allocations();
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                    (role == ConnectionRole::Writer ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(options.path.c_str(), &handle_, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) {
    const std::string reason = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    sqlite3_close_v2(handle_);
    throw StartError{
        fmt::format("The database file {} cannot be opened: {}. Check database.args.database, and that the "
                    "folder exists and "
                    "this user may write to it.",
                    options.path, reason)};
  }
  try {
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
    if (role == ConnectionRole::Writer) {
      run("PRAGMA journal_mode = WAL");
    }
    run("PRAGMA synchronous = FULL");
    run("PRAGMA foreign_keys = ON");
    run("PRAGMA temp_store = MEMORY");
    // Checkpoints are the checkpointer's, so that no commit waits for one.
    run("PRAGMA wal_autocheckpoint = 0");
    // The log keeps its length from one start to the next: an fsync of a file that grows takes twice as long.
    int keep = 1;
    sqlite3_file_control(handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
    // Double-quoted text is a name and never a string: the reverse hides misspelt columns.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    const std::int64_t cache =
        role == ConnectionRole::Writer ? options.writer_cache_kib : options.reader_cache_kib;
    const std::string cache_size = fmt::format("PRAGMA cache_size = -{}", cache);
    sqlite3_exec(handle_, cache_size.c_str(), nullptr, nullptr, nullptr);
    if (role == ConnectionRole::Reader) {
      run("PRAGMA query_only = ON");
      sqlite3_progress_handler(handle_, kStepsBetweenChecks, &Connection::on_progress, this);
    }
  } catch (...) {
    literals_.clear();
    sqlite3_close_v2(handle_);
    throw;
  }
}

Connection::~Connection() {
  statements_.clear();
  many_.clear();
  literals_.clear();
  sqlite3_close_v2(handle_);
}

Prepared& Connection::prepare(const Statement& statement) {
  const std::string_view text = statement.text(Engine::Sqlite);
  const auto found = statements_.find(text.data());
  if (found != statements_.end()) {
    return found->second;
  }
  return statements_.emplace(text.data(), compile(to_engine_sql(text, Engine::Sqlite))).first->second;
}

template <class Many>
Prepared& Connection::prepare_many(const Many& statement) {
  const auto found = many_.find(statement.identity);
  if (found != many_.end()) {
    return found->second;
  }
  return many_.emplace(statement.identity, compile(to_engine_sql(statement, Engine::Sqlite))).first->second;
}

Prepared& Connection::prepare(const InsertMany& statement) {
  return prepare_many(statement);
}
Prepared& Connection::prepare(const ChangeMany& statement) {
  return prepare_many(statement);
}
Prepared& Connection::prepare(const LookupMany& statement) {
  return prepare_many(statement);
}

Prepared Connection::prepare_again(const Prepared& running) {
  return compile(sqlite3_sql(running.handle.get()));
}

Prepared Connection::compile(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, &rest);
  Prepared prepared;
  prepared.handle.reset(handle);
  if (code != SQLITE_OK) {
    fail(code, sql);
  }
  if (handle == nullptr || std::string_view{rest, sql.data() + sql.size()}.find_first_not_of(" \t\r\n;") !=
                               std::string_view::npos) {
    throw StatementError{fmt::format("Not exactly one statement: {}", sql)};
  }
  prepared.writes = sqlite3_stmt_readonly(handle) == 0;
  const int parameters = detail::parameter_count(sql);
  prepared.positions.reserve(static_cast<std::size_t>(parameters));
  for (int n = 1; n <= parameters; ++n) {
    prepared.positions.push_back(sqlite3_bind_parameter_index(handle, fmt::format("${}", n).c_str()));
  }
  return prepared;
}

void Connection::run(const char* literal) {
  auto found = literals_.find(literal);
  if (found == literals_.end()) {
    found = literals_.emplace(literal, compile(literal)).first;
  }
  sqlite3_stmt* const handle = found->second.handle.get();
  int code = sqlite3_step(handle);
  while (code == SQLITE_ROW) {
    code = sqlite3_step(handle);
  }
  if (code != SQLITE_DONE) {
    // The reset repeats the error's code but may change its text.
    try {
      fail(code, literal);
    } catch (...) {
      sqlite3_reset(handle);
      throw;
    }
  }
  sqlite3_reset(handle);
}

bool Connection::past_deadline() const noexcept {
  return deadline_ != SteadyTime::max() && runtime_.steady_now() >= deadline_;
}

int Connection::on_progress(void* self) noexcept {
  return static_cast<Connection*>(self)->past_deadline() ? 1 : 0;
}

void Connection::fail(int code, std::string_view text) {
  has_failed_ = true;
  const std::string message = fmt::format("{} ({}): {}", sqlite3_errmsg(handle_), code, text);
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      throw ConstraintViolation{Constraint::Unique, message};
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      throw ConstraintViolation{Constraint::ForeignKey, message};
    case SQLITE_CONSTRAINT_NOTNULL:
      throw ConstraintViolation{Constraint::NotNull, message};
    case SQLITE_CONSTRAINT_CHECK:
      throw ConstraintViolation{Constraint::Check, message};
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_INTERRUPT:
      throw SnapshotTooOld{
          fmt::format("A read held its snapshot for longer than {} ms: {}", kSnapshotLifetime.count(), text)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Corrupt{message};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      throw Unavailable{message};
    default:
      throw StatementError{message};
  }
}

}  // namespace lares::storage::sqlite
