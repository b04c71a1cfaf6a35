// SPDX-License-Identifier: Apache-2.0
// The orders of tests/unit/sdk/matrix_state/arrivals: what a server thinks of events depends on what it had
// before them, and this is written down for each order.
#include "story.hpp"

#include <algorithm>
#include <set>

namespace lares::matrix {
namespace {

using nlohmann::json;
using test::RoomModel;
using test::Story;

using Names = std::set<std::string>;

/// A server that receives events one by one: it knows the ends of the graph, which what it rejected or
/// soft-failed is none of.
class Server {
 public:
  explicit Server(const RoomVersion& version) : room_{version} {}

  enum class Verdict : std::uint8_t { kAccepted, kRejected, kSoftFailed };

  Verdict take(const EventPtr& event) {
    const StateMap current = current_state();
    if (room_.receive(event).rejected) {
      return Verdict::kRejected;
    }
    const auto find = [&](std::string_view type, std::string_view state_key) {
      return room_.at(current, type, state_key);
    };
    if (!ends_.empty() && !authorise(*event, find)) {
      return Verdict::kSoftFailed;
    }
    for (const std::string_view id : event->prev_events()) {
      std::erase(ends_, id);
    }
    ends_.emplace_back(event->event_id());
    return Verdict::kAccepted;
  }

  [[nodiscard]] StateMap current_state() { return room_.state_after(ends_); }
  [[nodiscard]] const std::vector<std::string>& ends() const noexcept { return ends_; }
  [[nodiscard]] RoomModel& room() noexcept { return room_; }

 private:
  RoomModel room_;
  std::vector<std::string> ends_;
};

void expect(const Story& story, const json& told, const json& order, const RoomVersion& version) {
  Server server{version};
  const Names in_order = order.at("order");
  for (const json& event : told.at("events")) {
    const std::string name = event.at("name");
    if (in_order.contains(name)) {
      break;
    }
    ASSERT_EQ(server.take(story.event(name)), Server::Verdict::kAccepted) << name;
  }
  Names soft_failed;
  Names rejected;
  for (const std::string name : order.at("order")) {
    const Server::Verdict verdict = server.take(story.event(name));
    if (verdict != Server::Verdict::kAccepted) {
      (verdict == Server::Verdict::kRejected ? rejected : soft_failed).insert(name);
    }
  }
  EXPECT_EQ(soft_failed, order.value("soft_failed", Names{}));
  EXPECT_EQ(rejected, order.value("rejected", Names{}));
  Names ends;
  for (const std::string& id : server.ends()) {
    ends.insert(story.name(id));
  }
  EXPECT_EQ(ends, order.at("ends").get<Names>());
  story.expect_state(server.room().readable(server.current_state()), order.at("state"));
}

class Arrival : public ::testing::TestWithParam<std::filesystem::path> {};
INSTANTIATE_TEST_SUITE_P(SoftFailure, Arrival, ::testing::ValuesIn(test::story_files("arrivals")),
                         test::story_name);

TEST_P(Arrival, IsJudgedByWhatCameBefore) {
  const json told = test::read_story(GetParam());
  for (const json& order : told.at("orders")) {
    for (const std::string id : order.at("versions")) {
      SCOPED_TRACE(told.at("name").get<std::string>() + ", version " + id + ": " + order.at("order").dump());
      const RoomVersion* version = find_room_version(id);
      ASSERT_NE(version, nullptr);
      expect(Story{told, *version}, told, order, *version);
    }
  }
}

}  // namespace
}  // namespace lares::matrix
