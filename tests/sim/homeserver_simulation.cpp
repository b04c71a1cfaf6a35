// SPDX-License-Identifier: Apache-2.0
#include "homeserver_simulation.hpp"

#include <config/loader.hpp>
#include <config/sources.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "homeserver.hpp"
#include "room_history.hpp"

namespace lares::sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kPeople = 4;
constexpr std::size_t kRooms = 3;
constexpr int kVisitors = 2;
// Within this time a process hears of a logged-out token, whatever it loses: it asks the database itself.
constexpr seconds kForgets{10};
// Whoever types stops by then.
constexpr std::int64_t kTypesMs = 4'000;
constexpr const char* kPassword = "a password";
constexpr const char* kFilter = "%7B%22room%22:%7B%22timeline%22:%7B%22limit%22:1000%7D%7D%7D";

/// What a client has been told, in the order in which it was told.
struct Transcript {
  std::string since;
  std::map<std::string, std::vector<std::string>> events;  // by room
  std::map<std::string, json> typing;                      // by room, the last set
  std::map<std::string, json> presence;                    // by user, the last
};

struct Person {
  std::string user;
  std::string token;
  std::set<std::string> rooms;      // joined, and acknowledged
  std::vector<std::string> events;  // sent, and acknowledged
  std::string status;               // acknowledged
  Transcript transcript;
};

/// An access token of a visitor's.
struct Visit {
  std::string token;
  bool leaving = false;  // logging out has begun
  std::optional<SteadyTime> left;
};

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string room_path(const std::string& room, std::string_view rest) {
  return fmt::format("/_matrix/client/v3/rooms/{}/{}", encoded(room), rest);
}

// What may differ between two processes that know the same: how old an event is now, and the order in which
// a map is walked.
json comparable(json value) {
  if (value.is_object()) {
    value.erase("age");
    for (json& member : value) {
      member = comparable(std::move(member));
    }
  } else if (value.is_array()) {
    for (json& member : value) {
      member = comparable(std::move(member));
    }
  }
  return value;
}

json sorted(const json& list) {
  std::vector<json> members(list.begin(), list.end());
  std::ranges::sort(members, {}, [](const json& member) { return member.dump(); });
  return members;
}

class HomeserverWorld final : public World {
 public:
  HomeserverWorld(const host::Host& host, std::uint64_t seed)
      : World{seed, {.trouble = seconds{20}, .peace = seconds{14}}}, host_(host) {
    for (std::size_t i = 0; i < kPeople; ++i) {
      people_.push_back(std::make_unique<Person>());
      people_.back()->user = fmt::format("@user{}:example.org", i);
    }
  }

 private:
  std::span<const storage::Schema> schemas() override { return schemas_; }

  std::unique_ptr<Process> make(const std::string& instance) override {
    return std::make_unique<Homeserver>(parts(), host_, instance, config_of(instance));
  }

  void reshard() override {
    writers_.clear();
    for (const char* stream : {"events", "receipts", "device_lists"}) {
      writers_ += fmt::format("  {}: [{}]\n", stream, fmt::join(some_instances(), ", "));
    }
    for (const char* stream : {"typing", "presence", "to_device", "account_data", "push_rules"}) {
      writers_ += fmt::format("  {}: {}\n", stream, some_instances().front());
    }
  }

  ConfigPtr config_of(const std::string& instance) {
    std::string text =
        "server_name: example.org\n"
        "rate_limits: false\n"
        "enable_registration: true\n"
        "enable_registration_without_verification: true\n"
        "password_hash: {memory: 8192, passes: 1}\n"
        "database: {name: psycopg2, args: {database: none}}\n"
        "worker_replication_secret: secret\n"
        "instance_map:\n";
    for (const char* other : kInstances) {
      text += fmt::format("  {}: {{host: 127.0.0.1, port: 1}}\n", other);
    }
    text += "stream_writers:\n" + writers_;
    if (instance != "master") {
      text += fmt::format(
          "worker_app: generic_worker\nworker_name: {}\n"
          "worker_listeners: [{{port: 1, type: http, resources: [{{names: [replication]}}]}}]\n",
          instance);
    }
    config::Sources sources;
    sources.names = {"simulation"};
    sources.root = config::parse_document(text, 0, "simulation").value();
    const config::LoadResult result =
        config::check(sources, host_.declarations().keys(), config::Scope::DeclaredOnly);
    if (!result.config) {
      std::string errors;
      for (const config::Diagnostic& diagnostic : result.diagnostics) {
        errors += config::to_string(diagnostic) + "\n";
      }
      throw StartError{errors};
    }
    return result.config;
  }

  Homeserver* any() { return static_cast<Homeserver*>(any_process()); }

  Task<Answer> ask_any(std::string method, std::string target, std::string token, std::string body) {
    Homeserver* const process = any();
    if (process == nullptr) {
      co_await runtime_.sleep_for(milliseconds{20});
      co_return Answer{};
    }
    Answer answer =
        co_await process->ask(std::move(method), std::move(target), std::move(token), std::move(body));
    // Some answers are lost on their way to the client.
    if (troubled() && runtime_.chance(2)) {
      answer = {};
    }
    co_return answer;
  }

  // As a client does: the same request again, to whichever process, until it is answered.
  Task<Answer> insist(std::string method, std::string target, std::string token, std::string body) {
    for (;;) {
      Answer answer = co_await ask_any(method, target, token, body);
      if (!answer.lost()) {
        co_return answer;
      }
      co_await runtime_.sleep_for(milliseconds{runtime_.between(10, 400)});
    }
  }

  Task<std::string> log_in(std::string user) {
    const json body = {{"type", "m.login.password"},
                       {"identifier", {{"type", "m.id.user"}, {"user", std::move(user)}}},
                       {"password", kPassword}};
    const std::string text = body.dump();
    Answer answer = co_await insist("POST", "/_matrix/client/v3/login", "", text);
    if (answer.status != 200) {
      fault(fmt::format("a login was answered with {}: {}", answer.status, answer.body.dump()));
      co_return std::string{};
    }
    co_return answer.body["access_token"].get<std::string>();
  }

  Task<void> settle() override {
    for (const auto& person : people_) {
      const json body = {{"username", person->user.substr(1, person->user.find(':') - 1)},
                         {"password", kPassword},
                         {"inhibit_login", true},
                         {"auth", {{"type", "m.login.dummy"}}}};
      const std::string text = body.dump();
      // Asked again after the answer was lost, it says that the name is taken.
      (void)co_await insist("POST", "/_matrix/client/v3/register", "", text);
      person->token = co_await log_in(person->user);
    }
    for (std::size_t i = 0; i < kRooms; ++i) {
      Person& creator = *people_[i % kPeople];
      Answer answer = co_await insist("POST", "/_matrix/client/v3/createRoom", creator.token,
                                      R"({"preset":"public_chat"})");
      if (answer.status != 200) {
        fault(fmt::format("a room was not created: {} {}", answer.status, answer.body.dump()));
        co_return;
      }
      rooms_.push_back(answer.body["room_id"].get<std::string>());
      creator.rooms.insert(rooms_.back());
    }
  }

  void begin() override {
    for (const auto& person : people_) {
      spawn(actors_, Background{"person"}, live(person.get()), &runtime_.loop(1));
      spawn(actors_, Background{"reader"}, sync_on(person.get()), &runtime_.loop(2));
    }
    for (int i = 0; i < kVisitors; ++i) {
      spawn(actors_, Background{"visitor"}, visit(), &runtime_.loop(1));
    }
    spawn(actors_, Background{"guard"}, knock(), &runtime_.loop(2));
    spawn(actors_, Background{"watch"}, watch_positions(), &runtime_.loop(2));
  }

  Task<void> live(Person* person) {
    while (!quiet()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 250)});
      const std::string room = rooms_[static_cast<std::size_t>(runtime_.between(0, kRooms - 1))];
      if (!person->rooms.contains(room)) {
        co_await join(*person, room);
        continue;
      }
      const std::int64_t what = runtime_.between(1, 100);
      if (what <= 50) {
        co_await send(*person, room);
      } else if (what <= 60) {
        co_await redact(*person, room);
      } else if (what <= 70) {
        co_await leave(*person, room);
      } else if (what <= 85) {
        co_await type(*person, room);
      } else if (what <= 90) {
        co_await say(*person);
      } else {
        co_await look(*person, room);
      }
    }
  }

  // The room is the person's: whoever says that it is not has not heard what another has acknowledged.
  void expect(const Person& person, const std::string& what, const Answer& answer) {
    trace(static_cast<std::uint64_t>(answer.status));
    if (answer.status != 200) {
      fault(fmt::format("{} of {} was answered with {}: {}", what, person.user, answer.status,
                        answer.body.dump()));
    }
  }

  Task<void> join(Person& person, std::string room) {
    const Answer answer =
        co_await insist("POST", fmt::format("/_matrix/client/v3/join/{}", encoded(room)), person.token, "{}");
    expect(person, "joining " + room, answer);
    person.rooms.insert(room);
    co_await look(person, std::move(room));
  }

  Task<void> leave(Person& person, std::string room) {
    const Answer answer = co_await insist("POST", room_path(room, "leave"), person.token, "{}");
    // Asked again after the answer was lost, it says that the person is not there.
    if (answer.status != 403) {
      expect(person, "leaving " + room, answer);
    }
    person.rooms.erase(room);
    const Answer after =
        co_await insist("PUT", room_path(room, fmt::format("send/m.room.message/after{}", ++transactions_)),
                        person.token, "{}");
    if (after.status != 403) {
      fault(fmt::format("a message of {}, who has left {}, was answered with {}", person.user, room,
                        after.status));
    }
  }

  Task<void> send(Person& person, std::string room) {
    const std::int64_t number = ++transactions_;
    const std::string path = room_path(room, fmt::format("send/m.room.message/m{}", number));
    const json content = {{"msgtype", "m.text"}, {"body", fmt::format("message {}", number)}};
    const std::string text = content.dump();
    const Answer answer = co_await insist("PUT", path, person.token, text);
    expect(person, "sending to " + room, answer);
    if (answer.status != 200) {
      co_return;
    }
    const std::string event = answer.body["event_id"].get<std::string>();
    person.events.push_back(event);
    acknowledged_[number] = event;
    if (runtime_.chance(20)) {
      const Answer again = co_await insist("PUT", path, person.token, text);
      if (again.status != 200 || again.body["event_id"] != event) {
        fault(fmt::format("message {} is {}, and said once more {} {}", number, event, again.status,
                          again.body.dump()));
      }
    }
  }

  Task<void> redact(Person& person, std::string room) {
    if (person.events.empty()) {
      co_return;
    }
    const std::string event = person.events[static_cast<std::size_t>(
        runtime_.between(0, static_cast<std::int64_t>(person.events.size()) - 1))];
    const std::string path = room_path(room, fmt::format("redact/{}/r{}", encoded(event), ++transactions_));
    const Answer answer = co_await insist("PUT", path, person.token, "{}");
    // The event may be another room's.
    if (answer.status != 404) {
      expect(person, "redacting " + event, answer);
    }
  }

  Task<void> type(Person& person, std::string room) {
    const std::string path = room_path(room, "typing/" + encoded(person.user));
    const std::string body = runtime_.chance(70) ? fmt::format(R"({{"typing":true,"timeout":{}}})",
                                                               runtime_.between(500, kTypesMs))
                                                 : R"({"typing":false})";
    const Answer answer = co_await insist("PUT", path, person.token, body);
    expect(person, "typing in " + room, answer);
  }

  Task<void> say(Person& person) {
    const std::string status = fmt::format("status {}", ++transactions_);
    const json body = {{"presence", "online"}, {"status_msg", status}};
    const std::string text = body.dump();
    const Answer answer =
        co_await insist("PUT", fmt::format("/_matrix/client/v3/presence/{}/status", encoded(person.user)),
                        person.token, text);
    expect(person, "presence", answer);
    person.status = status;
  }

  Task<void> look(Person& person, std::string room) {
    for (const char* what : {"state/m.room.create/", "joined_members", "messages?dir=b&limit=3"}) {
      const Answer answer = co_await insist("GET", room_path(room, what), person.token, "");
      expect(person, fmt::format("reading {} of {}", what, room), answer);
    }
  }

  Task<void> sync_on(Person* person) {
    while (!over()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 300)});
      const std::string path = fmt::format(
          "/_matrix/client/v3/sync?filter={}&timeout={}{}", kFilter, runtime_.chance(50) ? 0 : 1000,
          person->transcript.since.empty() ? "" : "&since=" + person->transcript.since);
      const Answer answer = co_await ask_any("GET", path, person->token, "");
      if (answer.status == 200) {
        ++outcome_.reads;
        take(*person, answer.body);
      } else if (!answer.lost()) {
        fault(fmt::format("a sync of {} was answered with {}: {}", person->user, answer.status,
                          answer.body.dump()));
      }
    }
  }

  void take(Person& person, const json& sync) {
    Transcript& transcript = person.transcript;
    const std::string next = sync["next_batch"].get<std::string>();
    const auto was = stream::Token::parse(transcript.since);
    const auto is = stream::Token::parse(next);
    if (!is || (was && stream::Token::later_of(*was, *is) != *is)) {
      fault(fmt::format("{} came with {} and is given {}", person.user, transcript.since, next));
    }
    transcript.since = next;
    const json rooms = sync.value("rooms", json::object());
    for (const char* kind : {"join", "leave"}) {
      const json section = rooms.value(kind, json::object());
      for (const auto& [room, news] : section.items()) {
        for (const json& event : news.value("timeline", json::object()).value("events", json::array())) {
          transcript.events[room].push_back(event["event_id"].get<std::string>());
        }
        for (const json& event : news.value("ephemeral", json::object()).value("events", json::array())) {
          if (event["type"] == "m.typing") {
            transcript.typing[room] = sorted(event["content"]["user_ids"]);
          }
        }
      }
    }
    for (const json& event : sync.value("presence", json::object()).value("events", json::array())) {
      transcript.presence[event["sender"].get<std::string>()] = event["content"];
    }
  }

  Task<void> visit() {
    while (!quiet()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 2000)});
      auto visit = std::make_shared<Visit>();
      visit->token = co_await log_in(people_.front()->user);
      visits_.push_back(visit);
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 4000)});
      visit->leaving = true;
      // Asked again after the answer was lost, it says that there is no such token.
      (void)co_await insist("POST", "/_matrix/client/v3/logout", visit->token, "{}");
      visit->left = runtime_.steady_now();
    }
  }

  // Tries the tokens of those who are here, and of those who were.
  Task<void> knock() {
    while (!over()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 60)});
      if (visits_.empty()) {
        continue;
      }
      const std::shared_ptr<Visit> visit = visits_[static_cast<std::size_t>(
          runtime_.between(0, static_cast<std::int64_t>(visits_.size()) - 1))];
      const std::optional<SteadyTime> left = visit->left;
      const SteadyTime began = runtime_.steady_now();
      const Answer answer = co_await ask_any("GET", "/_matrix/client/v3/account/whoami", visit->token, "");
      if (answer.status == 401 && !visit->leaving) {
        fault("a token is refused whose login was acknowledged");
      } else if (answer.status == 200 && left && *left + kForgets < began) {
        fault(fmt::format("a token is accepted {} ms after logging out was acknowledged",
                          (began - *left) / milliseconds{1}));
      }
    }
  }

  Task<void> watch_positions() {
    std::map<const Process*, stream::Token> stood;
    while (!over()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 100)});
      if (Homeserver* const process = any()) {
        stream::Token& before = stood[process];
        stream::Token now = process->now();
        if (stream::Token::later_of(before, now) != now) {
          fault(fmt::format("{} went back from {} to {}", process->instance(), before.text(), now.text()));
        }
        before = std::move(now);
      }
    }
  }

  Task<void> judge() override {
    const RoomHistory history = co_await RoomHistory::read(shared_database());
    judge_messages(history);
    for (const auto& person : people_) {
      judge_transcript(history, *person);
    }
    co_await judge_agreement();
    const RoomHistory after = co_await RoomHistory::read(shared_database());
    after.judge([this](std::string sentence) { fault(std::move(sentence)); });
  }

  // What was acknowledged is there once, and nothing else is there twice.
  void judge_messages(const RoomHistory& history) {
    std::map<std::string, std::size_t> said;
    for (const auto& [room, entries] : history.rooms()) {
      outcome_.written += entries.size();
      for (const RoomHistory::Entry& entry : entries) {
        trace(static_cast<std::uint64_t>(entry.position));
        if (entry.event->type() == "m.room.message") {
          ++said[entry.event->content()["body"].to_string().value_or("")];
        }
      }
    }
    for (const auto& [body, times] : said) {
      if (times > 1) {
        fault(fmt::format("\"{}\" is there {} times", body, times));
      }
    }
    for (const auto& [number, event] : acknowledged_) {
      if (history.find(event) == nullptr) {
        fault(fmt::format("message {} was acknowledged as {} and is not there", number, event));
      }
    }
    outcome_.acknowledged = acknowledged_.size();
  }

  void judge_transcript(const RoomHistory& history, const Person& person) {
    for (const auto& [room, entries] : history.rooms()) {
      const auto found = person.transcript.events.find(room);
      const std::vector<std::string> shown =
          found == person.transcript.events.end() ? std::vector<std::string>{} : found->second;
      const std::vector<std::int64_t> joins = RoomHistory::joins(entries, person.user);
      // Who joins is shown anew what was there before.
      const auto joins_after = [&joins](std::int64_t position) {
        return static_cast<std::size_t>(joins.end() - std::ranges::upper_bound(joins, position));
      };
      std::map<std::string, std::size_t> times;
      std::int64_t newest = 0;
      for (const std::string& id : shown) {
        const RoomHistory::Entry* const entry = history.find(id);
        if (entry == nullptr) {
          fault(fmt::format("{} was shown {}, which is not there", person.user, id));
          continue;
        }
        if (++times[id] > 1 + joins_after(entry->position)) {
          fault(fmt::format("{} was shown {} at {} of {} {} times", person.user, id, entry->position, room,
                            times[id]));
        }
        if (entry->position < newest && joins_after(entry->position) == 0) {
          fault(fmt::format("{} was shown {} at {} of {} after what came later", person.user, id,
                            entry->position, room));
        }
        newest = std::max(newest, entry->position);
      }
      bool in = false;
      for (const RoomHistory::Entry& entry : entries) {
        const bool own = entry.event->is_state("m.room.member", person.user);
        const bool joins_now = own && entry.event->content()["membership"].equals("join");
        if ((in || joins_now) && !times.contains(std::string{entry.event->event_id()})) {
          fault(fmt::format("{}, who stands at {}, was never shown {} ({}) at {} of {}", person.user,
                            person.transcript.since, entry.event->event_id(), entry.event->type(),
                            entry.position, room));
        }
        in = own ? joins_now : in;
      }
      const auto typing = person.transcript.typing.find(room);
      if (in && typing != person.transcript.typing.end() && !typing->second.empty()) {
        fault(fmt::format("{} believes that {} type in {}, long after they stopped", person.user,
                          typing->second.dump(), room));
      }
    }
    for (const auto& other : people_) {
      const auto shown = person.transcript.presence.find(other->user);
      const bool shares = other.get() == &person || std::ranges::any_of(person.rooms, [&](const auto& room) {
                            return other->rooms.contains(room);
                          });
      if (shares && (shown == person.transcript.presence.end() || shown->second["presence"] != "online" ||
                     shown->second.value("status_msg", "") != other->status)) {
        fault(fmt::format("{} believes of {} {}, who is online and says \"{}\"", person.user, other->user,
                          shown == person.transcript.presence.end() ? "nothing" : shown->second.dump(),
                          other->status));
      }
    }
  }

  // Every process says what one says that has just been started and has nothing in memory.
  Task<void> judge_agreement() {
    Homeserver fresh{parts(), host_, "judge", config_of("judge")};
    co_await fresh.start();
    for (const auto& person : people_) {
      std::vector<std::string> paths = {"/_matrix/client/v3/joined_rooms",
                                        fmt::format("/_matrix/client/v3/sync?filter={}", kFilter)};
      for (const std::string& room : rooms_) {
        for (const char* what : {"state", "joined_members", "members", "messages?dir=b&limit=1000"}) {
          paths.push_back(room_path(room, what));
        }
      }
      for (const std::string& path : paths) {
        const Answer right = co_await fresh.ask("GET", path, person->token, "");
        for (const auto& [instance, process] : processes()) {
          const Answer answer =
              co_await static_cast<Homeserver&>(*process).ask("GET", path, person->token, "");
          if (answer.status != right.status || said_of_rooms(answer.body) != said_of_rooms(right.body)) {
            fault(fmt::format("{} answers GET {} of {} with {} {} instead of {} {}", instance, path,
                              person->user, answer.status, said_of_rooms(answer.body).dump(), right.status,
                              said_of_rooms(right.body).dump()));
          }
        }
      }
    }
    // Whoever has a room knows where it stands.
    for (const auto& [instance, process] : processes()) {
      for (const auto& person : people_) {
        for (const std::string& room : person->rooms) {
          const std::string path =
              room_path(room, fmt::format("send/m.room.message/last{}", ++transactions_));
          const Answer answer =
              co_await static_cast<Homeserver&>(*process).ask("PUT", path, person->token, "{}");
          expect(*person, "a last message to " + room, answer);
        }
      }
    }
    fresh.kill();
    co_await fresh.end();
  }

  static json said_of_rooms(const json& body) {
    if (body.is_array()) {
      return sorted(comparable(body));
    }
    json said = comparable(body);
    if (body.contains("next_batch")) {
      said = said.value("rooms", json::object()).value("join", json::object());
      for (json& room : said) {
        room = json{{"timeline", room["timeline"]},
                    {"state", sorted(room["state"]["events"])},
                    {"summary", room.value("summary", json::object())}};
      }
    } else if (body.contains("chunk") && !body.contains("start")) {
      said["chunk"] = sorted(said["chunk"]);
    } else if (body.contains("joined_rooms")) {
      said["joined_rooms"] = sorted(said["joined_rooms"]);
    }
    return said;
  }

  const host::Host& host_;
  const std::vector<storage::Schema>& schemas_ = host_.declarations().schemas();
  std::string writers_;
  std::vector<std::unique_ptr<Person>> people_;
  std::vector<std::string> rooms_;
  std::vector<std::shared_ptr<Visit>> visits_;
  std::map<std::int64_t, std::string> acknowledged_;  // by number of the message
  std::int64_t transactions_ = 0;
};

}  // namespace

Outcome simulate_homeserver(const host::Host& host, std::uint64_t seed) {
  HomeserverWorld world{host, seed};
  return world.run();
}

}  // namespace lares::sim
