// SPDX-License-Identifier: Apache-2.0
#include "uia.hpp"

#include <lares/async/runtime.hpp>
#include <lares/base/strings.hpp>
#include <lares/crypto/random_source.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace lares::identity {

using nlohmann::json;
using storage::Bytes;
using storage::Row;
using storage::WriteTransaction;

namespace {

constexpr storage::Statement kBegin{
    "INSERT INTO uia_sessions (session, account, operation, completed, created_ts) VALUES ($1, $2, $3, $4, "
    "$5)"};
// Of more than the offset beside the one that was begun, the newest stay.
constexpr storage::Statement kDropOldest{
    "DELETE FROM uia_sessions WHERE session IN (SELECT session FROM uia_sessions WHERE account = $1 AND "
    "session <> $2 ORDER BY created_ts DESC, session LIMIT 1000 OFFSET $3)"};
constexpr storage::Statement kFind{
    "SELECT account, operation, completed FROM uia_sessions WHERE session = $1"};
constexpr storage::Statement kComplete{"UPDATE uia_sessions SET completed = $2 WHERE session = $1"};

constexpr std::size_t kSessionLetters = 24;

bool passes(const std::vector<Flow>& flows, const std::vector<std::string>& completed) {
  return std::ranges::any_of(flows, [&completed](const Flow& flow) {
    return std::ranges::all_of(flow, [&completed](const std::string& stage) {
      return std::ranges::find(completed, stage) != completed.end();
    });
  });
}

Flow stages_of(std::string_view completed) {
  Flow stages;
  for (const std::string_view stage : split(completed, ' ')) {
    if (!stage.empty()) {
      stages.emplace_back(stage);
    }
  }
  return stages;
}

http::Response ask(const std::vector<Flow>& flows, const std::vector<std::string>& completed,
                   const std::string& session, const std::string& params, const http::MatrixError* error) {
  json body = {{"session", session}, {"flows", json::array()}, {"params", json::parse(params)}};
  for (const Flow& flow : flows) {
    body["flows"].push_back({{"stages", flow}});
  }
  if (!completed.empty()) {
    body["completed"] = completed;
  }
  if (error != nullptr) {
    body["errcode"] = error->errcode();
    body["error"] = error->what();
  }
  return http::Response::json(body, 401);
}

}  // namespace

Uia::Uia(Runtime& runtime, storage::Database& database) : runtime_(runtime), database_(database) {}

Task<void> Uia::begin(std::string session, std::int64_t account, std::string operation, Flow completed) {
  const std::string done = join(completed, " ");
  const std::int64_t now = runtime_.now_ms();
  const std::optional<std::int64_t> owner = account == 0 ? std::nullopt : std::optional{account};
  co_await database_.write("uia_begin", [&](WriteTransaction& tx) {
    tx.exec(kBegin, Bytes{session}, owner, std::string_view{operation}, std::string_view{done}, now);
    if (owner) {
      tx.exec(kDropOldest, *owner, Bytes{session}, kMostOfUser - 1);
    }
  });
}

Task<std::optional<Flow>> Uia::completed(std::string session, std::string operation) {
  co_return co_await database_.read(
      "uia_session", [&session, &operation](storage::ReadTransaction& tx) -> std::optional<Flow> {
        std::optional<Flow> found =
            tx.maybe(kFind, Bytes{session}, [&operation](const Row& row) {
                const bool this_one = !row.maybe_i64(0) && row.text(1) == operation;
                return this_one ? std::optional{stages_of(row.text(2))} : std::nullopt;
              }).value_or(std::nullopt);
        return found;
      });
}

Task<Flow> Uia::pass(std::string session, std::string stage) {
  co_return co_await database_.write("uia_step", [&session, &stage](WriteTransaction& tx) {
    Flow all = tx.maybe(kFind, Bytes{session}, [](const Row& row) {
                   return stages_of(row.text(2));
                 }).value_or(Flow{});
    if (std::ranges::find(all, stage) == all.end()) {
      all.push_back(stage);
      const std::string done = join(all, " ");
      tx.exec(kComplete, Bytes{session}, std::string_view{done});
    }
    return all;
  });
}

Task<Uia::Outcome> Uia::step(const json& body, std::vector<Flow> flows, std::string operation,
                             std::int64_t account, std::string params, Stage stage) {
  struct Session {
    std::int64_t account;
    std::string operation;
    std::string completed;
  };
  const json auth = body.value("auth", json());
  Outcome outcome;
  std::vector<std::string> completed;
  bool kept = false;
  if (auth.is_object() && auth.contains("session")) {
    if (!auth["session"].is_string()) {
      throw http::bad_json("The session is not a string.");
    }
    outcome.session = auth["session"].get<std::string>();
    const std::optional<Session> found =
        co_await database_.read("uia_session", [&outcome](storage::ReadTransaction& tx) {
          return tx.maybe(kFind, Bytes{outcome.session}, [](const Row& row) {
            return Session{row.maybe_i64(0).value_or(0), row.text_copy(1), row.text_copy(2)};
          });
        });
    if (!found || found->account != account || found->operation != operation) {
      throw http::MatrixError(400, "M_UNKNOWN", "This authentication session is not known here.");
    }
    kept = true;
    completed = stages_of(found->completed);
  } else {
    outcome.session = crypto::random_alphanumeric(runtime_, kSessionLetters);
  }

  std::optional<http::MatrixError> error;
  std::optional<std::string> fresh;  // the stage that this step has passed
  if (auth.is_object() && auth.contains("type")) {
    if (!auth["type"].is_string()) {
      throw http::bad_json("The type of the authentication is not a string.");
    }
    const std::string type = auth["type"].get<std::string>();
    const bool offered = std::ranges::any_of(
        flows, [&type](const Flow& flow) { return std::ranges::find(flow, type) != flow.end(); });
    if (!offered) {
      throw http::MatrixError(400, "M_UNRECOGNIZED", "This kind of authentication is not among the flows.");
    }
    try {
      if (std::ranges::find(completed, type) == completed.end()) {
        if (!kept && type == kRegistrationTokenStage) {
          co_await begin(outcome.session, account, operation, completed);
          kept = true;
        }
        if (co_await stage(type, auth, outcome.session)) {
          completed.push_back(type);
          fresh = type;
        }
      }
    } catch (const http::MatrixError& refused) {
      // Whoever has to wait is told how long.
      if (refused.status() == 429) {
        throw;
      }
      error = refused;
    }
  }
  // What fails after the dialogue is asked for again with the dialogue that has been passed. Meanwhile
  // another stage may have been passed in a browser.
  if (kept && fresh && (completed.size() > 1 || !passes(flows, completed))) {
    completed = co_await pass(outcome.session, std::move(*fresh));
  }
  outcome.passed = passes(flows, completed);
  if (!outcome.passed) {
    if (!kept) {
      co_await begin(outcome.session, account, operation, completed);
    }
    outcome.answer = ask(flows, completed, outcome.session, params, error ? &*error : nullptr);
  }
  co_return outcome;
}

}  // namespace lares::identity
