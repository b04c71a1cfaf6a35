// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include "failure.hpp"
#include "options.hpp"

#include <lares/async/runtime.hpp>
#include <lares/storage/dialect.hpp>

#include <fmt/format.h>

#include <pqxx/connection_base>
#include <pqxx/connectionpolicy>
#include <pqxx/except>

#include <poll.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace lares::storage::postgres {

namespace {

constexpr Oid kInt8 = 20;

constexpr std::chrono::seconds kPatienceAfterCancel{5};

// A process that stands still inside a transaction, and may never go on, does not keep its locks from the one
// that is to take over. Longer than any transaction of ours pauses.
constexpr const char* kEndStandstill = "-c idle_in_transaction_session_timeout=10s";

std::string connection_string(const PostgresOptions& options) {
  std::map<std::string, std::string> parameters{options.parameters.begin(), options.parameters.end()};
  std::string& settings = parameters["options"];
  settings = settings.empty() ? kEndStandstill : kEndStandstill + (" " + settings);
  std::string out;
  for (const auto& [name, value] : parameters) {
    std::string escaped;
    for (const char c : value) {
      if (c == '\\' || c == '\'') {
        escaped.push_back('\\');
      }
      escaped.push_back(c);
    }
    out.append(fmt::format("{}='{}' ", name, escaped));
  }
  return out;
}

// Keeps the libpq handle within reach: libpqxx 6.4 neither pipelines nor takes results in binary form.
class HandlePolicy final : public pqxx::connectionpolicy {
 public:
  using pqxx::connectionpolicy::connectionpolicy;

  handle do_startconnect(handle original) override {
    connected = original != nullptr ? original : normalconnect(original);
    if (PQstatus(connected) != CONNECTION_OK) {
      const std::string reason = connected != nullptr ? PQerrorMessage(connected) : "out of memory";
      do_disconnect(connected);
      connected = nullptr;
      throw pqxx::broken_connection{reason};
    }
    return connected;
  }

  handle connected = nullptr;
};

}  // namespace

/// The connection as libpqxx makes, checks and closes it.
class ServerSession final : public pqxx::connection_base {
 public:
  explicit ServerSession(const std::string& parameters) : connection_base{policy_}, policy_{parameters} {
    init();
  }
  ~ServerSession() { close(); }
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  [[nodiscard]] PGconn* handle() const noexcept { return policy_.connected; }

 private:
  HandlePolicy policy_;
};

Session::Session(const PostgresOptions& options, Runtime& runtime) : runtime_{runtime} {
  try {
    server_session_ = std::make_unique<ServerSession>(connection_string(options));
  } catch (const std::exception& error) {
    throw ConnectionLost{error.what()};
  }
  handle_ = server_session_->handle();
  if (PQsetnonblocking(handle_, 1) != 0 || PQenterPipelineMode(handle_) != 1) {
    lost();
  }
}

Session::~Session() = default;

bool Session::past_deadline() const noexcept {
  return deadline_ != SteadyTime::max() && runtime_.steady_now() >= deadline_;
}

void Session::lost() const {
  throw ConnectionLost{fmt::format("PostgreSQL: {}", PQerrorMessage(handle_))};
}

void Session::send(bool accepted) {
  if (!accepted) {
    lost();
  }
  ++unanswered_;
  unsynced_ = true;
}

void Session::command(const char* sql, Expect expect) {
  running_ = sql;
  send(PQsendQueryParams(handle_, sql, 0, nullptr, nullptr, nullptr, nullptr, 1) == 1);
  answer(expect);
}

void Session::command(const char* sql, std::int64_t number, Expect expect) {
  const std::uint64_t network = std::endian::native == std::endian::little
                                    ? __builtin_bswap64(static_cast<std::uint64_t>(number))
                                    : static_cast<std::uint64_t>(number);
  const char* const value = reinterpret_cast<const char*>(&network);
  const int length = sizeof network;
  const int format = 1;
  running_ = sql;
  send(PQsendQueryParams(handle_, sql, 1, &kInt8, &value, &length, &format, 1) == 1);
  answer(expect);
}

void Session::commit() {
  running_ = "COMMIT";
  send(PQsendQueryParams(handle_, "COMMIT", 0, nullptr, nullptr, nullptr, nullptr, 1) == 1);
  const Result result = wait();
  if (std::string_view{PQcmdStatus(result.get())} != "COMMIT") {
    throw StatementError{"A statement of the transaction failed, and its function passed over the error."};
  }
}

void Session::answer(Expect expect) {
  if (expect == Expect::Now) {
    wait();
  } else if (expect == Expect::Never) {
    sync();
    if (PQflush(handle_) < 0) {
      lost();
    }
  }
}

void Session::sync() {
  if (unsynced_) {
    if (PQpipelineSync(handle_) != 1) {
      lost();
    }
    unsynced_ = false;
    ++syncs_;
  }
}

const PreparedStatement& Session::prepare(const Statement& statement) {
  const std::string_view text = statement.text(Engine::Postgres);
  const auto found = statements_.find(text.data());
  if (found != statements_.end()) {
    return found->second;
  }
  return statements_.emplace(text.data(), prepare_sql(to_engine_sql(text, Engine::Postgres))).first->second;
}

template <class Many>
const PreparedStatement& Session::prepare_many(const Many& statement) {
  const auto found = many_.find(statement.identity);
  if (found != many_.end()) {
    return found->second;
  }
  return many_.emplace(statement.identity, prepare_sql(to_engine_sql(statement, Engine::Postgres)))
      .first->second;
}

const PreparedStatement& Session::prepare(const InsertMany& statement) {
  return prepare_many(statement);
}
const PreparedStatement& Session::prepare(const ChangeMany& statement) {
  return prepare_many(statement);
}
const PreparedStatement& Session::prepare(const LookupMany& statement) {
  return prepare_many(statement);
}

PreparedStatement Session::prepare_sql(std::string sql) {
  PreparedStatement prepared{
      .name = fmt::format("s{}", next_name_++), .sql = std::move(sql), .parameters = {}};
  send(PQsendPrepare(handle_, prepared.name.c_str(), prepared.sql.c_str(), 0, nullptr) == 1);
  send(PQsendDescribePrepared(handle_, prepared.name.c_str()) == 1);
  running_ = prepared.sql;
  const Result described = wait();
  const int parameters = PQnparams(described.get());
  for (int i = 0; i < parameters; ++i) {
    prepared.parameters.push_back(PQparamtype(described.get(), i));
  }
  return prepared;
}

Result Session::execute(const PreparedStatement& statement, std::span<const Parameter> parameters) {
  const std::size_t count = parameters.size();
  std::vector<const char*> values(count);
  std::vector<int> lengths(count);
  const std::vector<int> formats(count, 1);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = parameters[i].data;
    lengths[i] = parameters[i].length;
  }
  running_ = statement.sql;
  send(PQsendQueryPrepared(handle_, statement.name.c_str(), static_cast<int>(count), values.data(),
                           lengths.data(), formats.data(), 1) == 1);
  return wait();
}

std::vector<std::string> Session::ask(const char* sql) {
  running_ = sql;
  send(PQsendQueryParams(handle_, sql, 0, nullptr, nullptr, nullptr, nullptr, 0) == 1);
  const Result result = wait();
  std::vector<std::string> row;
  if (PQntuples(result.get()) > 0) {
    for (int i = 0; i < PQnfields(result.get()); ++i) {
      row.emplace_back(PQgetvalue(result.get(), 0, i));
    }
  }
  return row;
}

Result Session::wait() {
  sync();
  ++round_trips_;
  cancelled_ = false;
  Result last;
  Result failed;
  while (unanswered_ > 0 || syncs_ > 0) {
    Result result = next_result();
    if (result == nullptr) {
      continue;  // the end of one statement's results
    }
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        --syncs_;
        break;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        --unanswered_;
        last = std::move(result);
        break;
      case PGRES_PIPELINE_ABORTED:
        --unanswered_;
        break;
      default:
        --unanswered_;
        if (failed == nullptr) {
          failed = std::move(result);
        }
        break;
    }
  }
  if (failed != nullptr) {
    if (PQstatus(handle_) != CONNECTION_OK) {
      lost();
    }
    fail(failed.get(), running_);
  }
  return last;
}

Result Session::next_result() {
  for (;;) {
    const int unsent = PQflush(handle_);
    if (unsent < 0) {
      lost();
    }
    if (unsent == 0 && PQisBusy(handle_) == 0) {
      break;
    }
    wait_for_socket(unsent == 1);
    if (PQconsumeInput(handle_) != 1) {
      lost();
    }
  }
  Result result{PQgetResult(handle_)};
  // After the end of the connection libpq gives null for ever.
  if (result == nullptr && PQstatus(handle_) != CONNECTION_OK) {
    lost();
  }
  return result;
}

void Session::wait_for_socket(bool for_writing) {
  const SteadyTime began = runtime_.steady_now();
  const SteadyTime until = cancelled_ ? began + kPatienceAfterCancel : std::min(deadline_, began + patience_);
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - runtime_.steady_now()).count() + 1;
    pollfd socket{.fd = PQsocket(handle_), .events = POLLIN, .revents = 0};
    if (for_writing) {
      socket.events |= POLLOUT;
    }
    const int ready = left > 0 ? ::poll(&socket, 1, static_cast<int>(left)) : 0;
    if (ready > 0) {
      return;
    }
    if (ready < 0 && errno != EINTR) {
      lost();
    }
    if (ready == 0 && runtime_.steady_now() >= until) {
      if (cancelled_ || deadline_ > until) {
        throw ConnectionLost{"PostgreSQL does not answer."};
      }
      cancel();
      return wait_for_socket(for_writing);
    }
  }
}

void Session::cancel() {
  cancelled_ = true;
  const std::shared_ptr<PGcancel> request{PQgetCancel(handle_), &PQfreeCancel};
  if (request == nullptr) {
    return;
  }
  // PQcancel waits without limit until the server has taken the request. Where it does not, its thread is
  // left to itself: it holds nothing of this session, and ends when the server goes on or the process ends.
  const auto taken = std::make_shared<std::promise<void>>();
  const std::future<void> done = taken->get_future();
  try {
    std::thread([request, taken] {
      char reason[256];
      PQcancel(request.get(), reason, sizeof reason);
      taken->set_value();
    }).detach();
  } catch (const std::system_error& error) {
    throw ConnectionLost{error.what()};
  }
  // Before that nothing else may be sent: the request would end what comes next.
  if (done.wait_for(kPatienceAfterCancel) != std::future_status::ready) {
    throw ConnectionLost{"PostgreSQL does not answer."};
  }
}

}  // namespace lares::storage::postgres
