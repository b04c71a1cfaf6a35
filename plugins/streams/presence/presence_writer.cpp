// SPDX-License-Identifier: Apache-2.0
#include "presence_writer.hpp"

#include <lares/async/runtime.hpp>
#include <lares/stream/topology.hpp>

#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <unordered_set>
#include <utility>

namespace lares::presence {

using nlohmann::json;
using stream::StreamNumber;

namespace {

constexpr std::string_view kReportPath = "/_lares/replication/v1/presence/report";
constexpr std::string_view kSayPath = "/_lares/replication/v1/presence/say";
constexpr std::chrono::milliseconds kStatementApplied{5'000};
// The next reports wait behind it.
constexpr std::chrono::milliseconds kReportApplied{100};

json to_json(const Report& report) {
  return {{"user_id", report.user_id},
          {"device", report.device},
          {"syncs", report.syncs ? json(static_cast<int>(*report.syncs)) : json()},
          {"begun_ago_ms", report.begun_ago_ms},
          {"active_ago_ms", report.active_ago_ms ? json(*report.active_ago_ms) : json()}};
}

// Without the user's number, which each process has from the database.
Report report_of(const json& value) {
  Report report{.user = 0,
                .user_id = value.at("user_id").get<std::string>(),
                .device = value.at("device").get<std::uint64_t>(),
                .syncs = {},
                .begun_ago_ms = value.at("begun_ago_ms").get<std::int64_t>(),
                .active_ago_ms = {}};
  if (!value.at("syncs").is_null()) {
    report.syncs = static_cast<State>(value.at("syncs").get<int>());
  }
  if (!value.at("active_ago_ms").is_null()) {
    report.active_ago_ms = value.at("active_ago_ms").get<std::int64_t>();
  }
  return report;
}

}  // namespace

PresenceWriter::PresenceWriter(Server& server, const Settings& settings, storage::Database& database,
                               stream::Hub& hub, stream::Peers& peers, service::Rooms& rooms,
                               PresenceBoard& board, PresenceStream& stream)
    : server_(server),
      settings_(settings),
      statuses_(database),
      interner_(server.services().get<storage::Interner>()),
      hub_(hub),
      peers_(peers),
      rooms_(rooms),
      board_(board),
      stream_(stream),
      shards_(*server.config(), "presence", server.instance()),
      tasks_(server.runtime(), "presence"),
      metrics_(server),
      updating_(server.runtime(), server.name(), "presence_update_states") {
  if (!stream::has_other_processes(*server.config()) ||
      !stream::writes_stream(*server.config(), "presence", server.instance())) {
    return;
  }
  stream::add_peer_route(server, "ReplicationPresenceReport", std::string{kReportPath},
                         [this](json body) -> Task<json> { return take_reports(std::move(body)); });
  stream::add_peer_route(server, "ReplicationPresenceSay", std::string{kSayPath},
                         [this](json body) -> Task<json> { return take_statement(std::move(body)); });
}

void PresenceWriter::start() {
  position_ = hub_.incarnation_position();
  if (settings_.tracked && stream::writes_stream(*server_.config(), "presence", server_.instance())) {
    spawn(tasks_, Background{"presence-timeouts", server_.name()}, watch(), &board_.actor().loop());
  }
}

Task<void> PresenceWriter::stop() {
  co_await tasks_.stop();
}

Task<json> PresenceWriter::take_reports(json body) {
  std::vector<Report> reports;
  for (const json& report : body.at("reports")) {
    reports.push_back(report_of(report));
  }
  std::vector<storage::InternView> ids;
  for (const Report& report : reports) {
    ids.push_back({.first = report.user_id});
  }
  const std::vector<std::int64_t> numbers =
      co_await interner_.intern(storage::InternKind::User, std::move(ids));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    reports[i].user = numbers[i];
  }
  const std::int64_t position = co_await board_.actor().call(
      [](PresenceWriter* self, std::vector<Report> told) { return self->report_here(std::move(told)); }, this,
      std::move(reports));
  co_return json{{"position", position}};
}

Task<json> PresenceWriter::take_statement(json body) {
  Statement statement{.user = 0,
                      .user_id = body.at("user_id").get<std::string>(),
                      .state = static_cast<State>(body.at("state").get<int>()),
                      .status_msg = {}};
  if (!body.at("status_msg").is_null()) {
    statement.status_msg = body.at("status_msg").get<std::string>();
  }
  statement.user = co_await interner_.intern_user(statement.user_id);
  const std::int64_t position = co_await board_.actor().call(
      [](PresenceWriter* self, Statement said) { return self->say_here(std::move(said)); }, this,
      std::move(statement));
  co_return json{{"position", position}};
}

Task<void> PresenceWriter::report(std::vector<Report> reports) {
  std::map<std::string, std::vector<Report>> by_instance;
  for (Report& report : reports) {
    by_instance[shards_.writer_of(report.user_id)].push_back(std::move(report));
  }
  for (auto& [instance, list] : by_instance) {
    if (instance == server_.instance()) {
      co_await board_.actor().call(
          [](PresenceWriter* self, std::vector<Report> own) { return self->report_here(std::move(own)); },
          this, std::move(list));
      continue;
    }
    json body = {{"reports", json::array()}};
    for (const Report& report : list) {
      body["reports"].push_back(to_json(report));
    }
    const json answer =
        co_await peers_.call(instance, std::string{kReportPath}, std::move(body), stream::Repeat::kFreely);
    co_await applied_here(instance, answer, kReportApplied);
  }
}

Task<void> PresenceWriter::say(Statement statement) {
  if (shards_.mine(statement.user_id)) {
    co_await board_.actor().call(
        [](PresenceWriter* self, Statement said) { return self->say_here(std::move(said)); }, this,
        std::move(statement));
    co_return;
  }
  const std::string instance = shards_.writer_of(statement.user_id);
  json body = {{"user_id", statement.user_id},
               {"state", static_cast<int>(statement.state)},
               {"status_msg", statement.status_msg ? json(*statement.status_msg) : json()}};
  const json answer =
      co_await peers_.call(instance, std::string{kSayPath}, std::move(body), stream::Repeat::kFreely);
  co_await applied_here(instance, answer, kStatementApplied);
}

Task<void> PresenceWriter::applied_here(std::string instance, const json& answer,
                                        std::chrono::milliseconds deadline) {
  const auto position = answer.at("position").get<std::int64_t>();
  const stream::WriterNumber writer = co_await hub_.writer_number(std::move(instance));
  co_await hub_.reached(StreamNumber::kPresence, writer, position, deadline);
}

Task<void> PresenceWriter::know(std::vector<std::pair<std::int64_t, std::string>> users) {
  std::vector<std::int64_t> unknown;
  for (const auto& [user, user_id] : users) {
    if (!people_.contains(user)) {
      unknown.push_back(user);
    }
  }
  if (unknown.empty()) {
    co_return;
  }
  std::unordered_map<std::int64_t, std::string> statuses = co_await statuses_.find(std::move(unknown));
  for (auto& [user, user_id] : users) {
    if (people_.size() >= kMostPeople) {
      co_return;
    }
    const auto [place, made] = people_.try_emplace(user);
    if (made) {
      place->second.user_id = std::move(user_id);
      if (const auto status = statuses.find(user); status != statuses.end()) {
        place->second.status_msg = std::move(status->second);
      }
    }
  }
}

Task<std::int64_t> PresenceWriter::report_here(std::vector<Report> reports) {
  std::vector<std::pair<std::int64_t, std::string>> users;
  for (const Report& report : reports) {
    // Doing something makes nobody online who is not there.
    if (report.syncs) {
      users.emplace_back(report.user, report.user_id);
    }
  }
  co_await know(std::move(users));
  const SteadyTime now = server_.runtime().steady_now();
  const std::int64_t now_ts = server_.runtime().now_ms();
  std::unordered_set<std::int64_t> touched;
  for (const Report& report : reports) {
    const auto found = people_.find(report.user);
    if (found == people_.end()) {
      continue;
    }
    Person& person = found->second.person;
    if (report.syncs) {
      const Verdict before = person.look(now, settings_);
      if (before.state == State::kOffline) {
        person.acts(now, now_ts);
      }
      person.syncs(report.device, *report.syncs, now - std::chrono::milliseconds{report.begun_ago_ms}, now,
                   settings_);
    }
    if (report.active_ago_ms) {
      metrics_.active.add();
      person.acts(now - std::chrono::milliseconds{*report.active_ago_ms}, now_ts - *report.active_ago_ms);
    }
    touched.insert(report.user);
  }
  for (const std::int64_t user : touched) {
    co_await settle(user);
  }
  co_return position_;
}

Task<std::int64_t> PresenceWriter::say_here(Statement statement) {
  std::vector<std::pair<std::int64_t, std::string>> users;
  users.emplace_back(statement.user, statement.user_id);
  co_await know(std::move(users));
  auto found = people_.find(statement.user);
  if (found == people_.end()) {
    co_return position_;
  }
  if (statement.status_msg && *statement.status_msg != found->second.status_msg) {
    co_await statuses_.put(statement.user, *statement.status_msg);
    found = people_.find(statement.user);
    if (found == people_.end()) {
      co_return position_;
    }
    found->second.status_msg = *statement.status_msg;
  }
  const SteadyTime now = server_.runtime().steady_now();
  found->second.person.says(statement.state, now);
  if (statement.state == State::kOnline) {
    found->second.person.acts(now, server_.runtime().now_ms());
  }
  co_await settle(statement.user);
  co_return position_;
}

Task<void> PresenceWriter::settle(std::int64_t user) {
  const Measure measure{updating_};
  metrics_.updates.add();
  const auto news_of = [this, user]() -> std::optional<PresenceState> {
    const auto found = people_.find(user);
    if (found == people_.end()) {
      return std::nullopt;
    }
    const Verdict verdict = found->second.person.look(server_.runtime().steady_now(), settings_);
    const PresencePtr known = board_.find(user);
    const bool news = known ? known->state != verdict.state ||
                                  known->currently_active != verdict.currently_active ||
                                  known->status_msg != found->second.status_msg
                            : verdict.state != State::kOffline || !found->second.status_msg.empty();
    if (!news) {
      return std::nullopt;
    }
    return PresenceState{.user = user,
                         .user_id = found->second.user_id,
                         .state = verdict.state,
                         .last_active_ts = found->second.person.last_active_ts(),
                         .status_msg = found->second.status_msg,
                         .currently_active = verdict.currently_active};
  };
  if (news_of()) {
    const std::vector<std::int64_t> rooms = co_await rooms_.joined_rooms(user);
    // What happened meanwhile counts.
    if (std::optional<PresenceState> news = news_of()) {
      news->position = ++position_;
      news->writer = hub_.self();
      metrics_.announced(board_.find(user).get(), *news);
      stream_.written(std::move(*news), rooms);
    }
  }
  const auto found = people_.find(user);
  if (found == people_.end()) {
    co_return;
  }
  const SteadyTime now = server_.runtime().steady_now();
  const Verdict verdict = found->second.person.look(now, settings_);
  found->second.person.drop_ended(now);
  if (verdict.changes_at < found->second.looks_at) {
    found->second.looks_at = verdict.changes_at;
    const bool first = looks_.empty() || verdict.changes_at < looks_.begin()->first;
    looks_.emplace(verdict.changes_at, user);
    metrics_.timers.set(static_cast<std::int64_t>(looks_.size()));
    if (first) {
      earlier_.notify();
    }
  } else if (verdict.state == State::kOffline && verdict.changes_at == SteadyTime::max() &&
             found->second.looks_at == SteadyTime::max()) {
    people_.erase(found);
  }
}

// Looks at each person when the time says that something may have changed.
Task<void> PresenceWriter::watch() {
  for (;;) {
    const std::uint64_t seen = earlier_.version();
    const SteadyTime next = looks_.empty() ? SteadyTime::max() : looks_.begin()->first;
    const SteadyTime now = server_.runtime().steady_now();
    if (next > now) {
      co_await earlier_.wait_beyond(seen, next);
      continue;
    }
    const std::int64_t user = looks_.begin()->second;
    looks_.erase(looks_.begin());
    metrics_.timers.set(static_cast<std::int64_t>(looks_.size()));
    const auto found = people_.find(user);
    if (found == people_.end() || found->second.looks_at != next) {
      continue;
    }
    found->second.looks_at = SteadyTime::max();
    metrics_.timers_fired.add();
    try {
      co_await settle(user);
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      log_.warning("A change of presence was not announced: {}", error.what());
    }
  }
}

}  // namespace lares::presence
