// SPDX-License-Identifier: Apache-2.0
#include "presence_stream.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/timeout.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace lares::presence {

using stream::StreamNumber;
using stream::StreamPosition;

namespace {

constexpr std::string_view kUpdatesPath = "/_lares/replication/v1/presence/updates";
constexpr std::string_view kPeoplePath = "/_lares/replication/v1/presence/people";
// For presence alone nobody waits long for the rest of a sync.
constexpr std::chrono::seconds kAskWriter{2};

std::int64_t incarnation_of(std::int64_t position) {
  return position >> 32;
}

PresenceState gone(const PresenceState& presence, std::int64_t position) {
  PresenceState state = presence;
  state.state = State::kOffline;
  state.currently_active = false;
  state.position = position;
  return state;
}

}  // namespace

PresenceStream::PresenceStream(Server& server, storage::Interner& interner, stream::Hub& hub,
                               stream::Notifier& notifier, stream::Peers& peers, service::Rooms& rooms,
                               PresenceBoard& board, const Settings& settings)
    : server_(server),
      interner_(interner),
      hub_(hub),
      notifier_(notifier),
      peers_(peers),
      rooms_(rooms),
      board_(board),
      settings_(settings),
      began_(server.runtime().steady_now()) {
  if (stream::has_other_processes(*server.config()) &&
      stream::writes_stream(*server.config(), name(), server.instance())) {
    stream::add_peer_route(
        server, "ReplicationPresenceUpdates", std::string{kUpdatesPath},
        [this](nlohmann::json body) -> Task<nlohmann::json> { return answer(std::move(body)); });
    stream::add_peer_route(
        server, "ReplicationPresencePeople", std::string{kPeoplePath},
        [this](nlohmann::json body) -> Task<nlohmann::json> { return answer_people(std::move(body)); });
  }
}

Task<std::int64_t> PresenceStream::present(storage::Database&) {
  const std::int64_t start = co_await hub_.memory_start(StreamNumber::kPresence);
  board_.set_complete_from(std::max(start, board_.complete_from()));
  co_return start;
}

// For other processes' rows alone, on the first loop, where the board is.
Task<void> PresenceStream::apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                                 std::int64_t upto) {
  std::vector<PresenceState> taken;
  std::unordered_set<std::int64_t> named;
  for (const stream::Row& row : rows) {
    std::optional<PresenceState> presence = read_row(row.json);
    const std::optional<std::int64_t> user =
        presence ? co_await interner_.lookup_user(presence->user_id) : std::nullopt;
    if (user) {
      presence->user = *user;
      presence->position = row.position;
      presence->writer = writer;
      named.insert(*user);
      taken.push_back(std::move(*presence));
    }
  }
  std::int64_t& incarnation = incarnations_[writer];
  if (incarnation_of(upto) != incarnation) {
    incarnation = incarnation_of(upto);
    for (const PresencePtr& presence : board_.present_of(writer)) {
      if (!named.contains(presence->user)) {
        taken.push_back(gone(*presence, upto));
      }
    }
  }
  std::vector<Woken> woken;
  for (const PresenceState& presence : taken) {
    woken.push_back({presence.user, co_await rooms_.joined_rooms(presence.user)});
  }
  for (PresenceState& presence : taken) {
    board_.take(std::move(presence));
  }
  std::vector<Woken>& wake = to_wake_[writer];
  wake.insert(wake.end(), std::make_move_iterator(woken.begin()), std::make_move_iterator(woken.end()));
}

void PresenceStream::tell(stream::WriterNumber writer, std::int64_t position, const Woken& woken) {
  notifier_.users({&woken.user, 1}, StreamNumber::kPresence, writer, position);
  for (const std::int64_t room : woken.rooms) {
    notifier_.room(room, StreamNumber::kPresence, writer, position);
  }
}

void PresenceStream::wake(stream::WriterNumber writer, std::span<const stream::Row>, std::int64_t upto) {
  for (const Woken& woken : std::exchange(to_wake_[writer], {})) {
    tell(writer, upto, woken);
  }
}

void PresenceStream::written(PresenceState presence, const std::vector<std::int64_t>& rooms) {
  const std::int64_t position = presence.position;
  const Woken woken{presence.user, rooms};
  std::string row = row_of(presence);
  board_.take(std::move(presence));
  hub_.committed(StreamNumber::kPresence, position,
                 [&row, position] { return std::vector<stream::Row>{{position, std::move(row)}}; });
  tell(hub_.self(), position, woken);
}

Task<std::string> PresenceStream::instance_of(stream::WriterNumber writer) {
  const ConfigPtr config = server_.config();
  for (const std::string& instance : stream::stream_writers(*config, name())) {
    if (co_await hub_.writer_number(instance) == writer) {
      co_return instance;
    }
  }
  co_return std::string{};
}

Task<stream::Updates> PresenceStream::updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                              std::size_t) {
  stream::Updates updates;
  updates.upto = to;
  const std::string instance = co_await instance_of(writer);
  if (instance.empty() || writer == hub_.self()) {
    co_return updates;
  }
  nlohmann::json body = {{"from", from}, {"to", to}};
  const nlohmann::json found =
      co_await peers_.call(instance, std::string{kUpdatesPath}, std::move(body), stream::Repeat::kFreely);
  std::unordered_set<std::string> named;
  for (const nlohmann::json& row : found.at("rows")) {
    updates.rows.push_back({row.at(0).get<std::int64_t>(), row.at(1).get<std::string>()});
    if (const std::optional<PresenceState> presence = read_row(updates.rows.back().json)) {
      named.insert(presence->user_id);
    }
  }
  if (found.at("complete_from").get<std::int64_t>() > from || incarnation_of(from) != incarnation_of(to)) {
    // The writer no longer knows all that changed: who is not named is not there.
    std::vector<stream::Row> rows;
    for (const PresencePtr& presence :
         co_await board_.actor().call([this, writer] { return board_.present_of(writer); })) {
      if (!named.contains(presence->user_id)) {
        rows.push_back({to, row_of(gone(*presence, to))});
      }
    }
    updates.rows.insert(updates.rows.begin(), std::make_move_iterator(rows.begin()),
                        std::make_move_iterator(rows.end()));
  }
  co_return updates;
}

Task<nlohmann::json> PresenceStream::answer(nlohmann::json body) {
  const auto from = body.at("from").get<std::int64_t>();
  const auto to = body.at("to").get<std::int64_t>();
  if (incarnation_of(from) != incarnation_of(hub_.incarnation_position())) {
    // The other processes have yet to say who syncs with them; until then everyone would seem to be gone.
    co_await server_.runtime().sleep_until(began_ + 2 * settings_.report_every());
  }
  std::int64_t complete_from = 0;
  const std::vector<PresencePtr> people = co_await board_.actor().call([this, from, to, &complete_from] {
    complete_from = board_.complete_from();
    return board_.between(hub_.self(), from, to);
  });
  auto rows = nlohmann::json::array();
  for (const PresencePtr& presence : people) {
    rows.push_back(nlohmann::json::array({presence->position, row_of(*presence)}));
  }
  co_return nlohmann::json{{"rows", std::move(rows)}, {"complete_from", complete_from}};
}

Task<std::vector<PresencePtr>> PresenceStream::present_now(std::vector<std::int64_t> users,
                                                           StreamPosition from) {
  if (hub_.position(StreamNumber::kPresence).reaches(from)) {
    co_return co_await board_.ask_for_all(std::move(users));
  }
  std::vector<PresencePtr> people;
  const std::vector<storage::InternText> ids = co_await interner_.texts(storage::InternKind::User, users);
  std::unordered_map<std::string_view, std::int64_t> numbers;
  auto asked = nlohmann::json::array();
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (numbers.emplace(ids[i].first, users[i]).second) {
      asked.push_back(ids[i].first);
    }
  }
  nlohmann::json found;
  try {
    const ConfigPtr config = server_.config();
    nlohmann::json body = {{"users", std::move(asked)}};
    found = co_await with_timeout(
        kAskWriter, peers_.call(stream::stream_writers(*config, name()).front(), std::string{kPeoplePath},
                                std::move(body), stream::Repeat::kFreely));
    // A process that goes by another `stream_writers` may have asked one that is not the writer any more.
    if (found.at("position").get<std::int64_t>() < from.maximum()) {
      co_return people;
    }
  } catch (const http::MatrixError&) {
    co_return people;
  } catch (const TimeoutError&) {
    co_return people;
  }
  for (const nlohmann::json& entry : found.at("people")) {
    std::optional<PresenceState> presence = read_row(entry.get<std::string>());
    const auto number = presence ? numbers.find(presence->user_id) : numbers.end();
    if (number != numbers.end()) {
      presence->user = number->second;
      people.push_back(std::make_shared<const PresenceState>(*std::move(presence)));
    }
  }
  co_return people;
}

Task<nlohmann::json> PresenceStream::answer_people(nlohmann::json body) {
  const auto ids = body.at("users").get<std::vector<std::string>>();
  std::vector<storage::InternView> texts;
  for (const std::string& id : ids) {
    texts.push_back({.first = id});
  }
  std::vector<std::int64_t> users;
  for (const std::optional<std::int64_t>& number :
       co_await interner_.lookup(storage::InternKind::User, std::move(texts))) {
    if (number) {
      users.push_back(*number);
    }
  }
  // Before the people: what changes in between is news beyond it.
  const std::int64_t position = hub_.position(StreamNumber::kPresence).of(hub_.self());
  auto people = nlohmann::json::array();
  for (const PresencePtr& presence : co_await board_.ask_for_all(std::move(users))) {
    people.push_back(row_of(*presence));
  }
  co_return nlohmann::json{{"position", position}, {"people", std::move(people)}};
}

}  // namespace lares::presence
