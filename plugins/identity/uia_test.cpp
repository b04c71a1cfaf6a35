// SPDX-License-Identifier: Apache-2.0
// Dialogues on both engines: what two requests say of one at the same time.
#include "uia.hpp"

#include <lares/http/matrix_error.hpp>

#include <storage_test.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "schema.hpp"

namespace lares::identity {
namespace {

using nlohmann::json;

constexpr const char* kTerms = "m.login.terms";

class Dialogue : public storage::test::StorageTest {
 protected:
  Dialogue() : uia_(runtime_, *database_) {
    const std::vector<storage::Schema> schemas{identity_schema()};
    run_blocking(runtime_, "test", storage::migrate(*database_, schemas, 1));
  }

  Uia::Outcome step(const json& auth, Uia::Stage stage, std::int64_t account = 0) {
    std::vector<Flow> flows{{std::string{kRegistrationTokenStage}, kTerms}};
    const json body = {{"auth", auth}};
    return run_blocking(runtime_, "test",
                        uia_.step(body, std::move(flows), "register", account, "{}", std::move(stage)));
  }

  // Each is later than the one before by the clock that says which is the oldest.
  std::vector<std::string> begin(std::size_t count, std::int64_t account) {
    std::vector<std::string> sessions;
    while (sessions.size() < count) {
      sessions.push_back(step(json::object(), {}, account).session);
      for (const std::int64_t now = runtime_.now_ms(); runtime_.now_ms() == now;) {
        std::this_thread::yield();
      }
    }
    return sessions;
  }

  bool is_known(const std::string& session, std::int64_t account) {
    try {
      return !step({{"session", session}}, {}, account).passed;
    } catch (const http::MatrixError&) {
      return false;
    }
  }

  Uia uia_;
};
INSTANTIATE_TEST_SUITE_P(Engines, Dialogue, testing::ValuesIn(storage::test::engine_cases()),
                         storage::test::case_name);

TEST_P(Dialogue, AStageThatIsPassedInABrowserMeanwhileIsNotLost) {
  const Uia::Stage right = [](const std::string&, const json&, const std::string&) -> Task<bool> {
    co_return true;
  };
  const std::string session = step(json::object(), right).session;
  const Uia::Stage meanwhile = [this](const std::string&, const json&, const std::string& of) -> Task<bool> {
    (void)co_await uia_.pass(of, kTerms);
    co_return true;
  };
  const json token = {{"type", kRegistrationTokenStage}, {"session", session}};
  EXPECT_TRUE(step(token, meanwhile).passed);
  EXPECT_TRUE(step({{"session", session}}, right).passed);
}

TEST_P(Dialogue, TheOldestOfAUserGivesWayToTheNextAndNobodyElses) {
  constexpr std::int64_t kAlice = 7;
  constexpr std::int64_t kBob = 8;
  constexpr std::int64_t kStranger = 0;
  const std::string of_bob = begin(1, kBob).front();
  const std::vector<std::string> of_strangers = begin(kMostOfUser + 2, kStranger);
  const std::vector<std::string> of_alice = begin(kMostOfUser + 2, kAlice);
  for (std::size_t at = 0; at < of_alice.size(); ++at) {
    EXPECT_EQ(is_known(of_alice[at], kAlice), at >= 2) << at;
    EXPECT_TRUE(is_known(of_strangers[at], kStranger)) << at;
  }
  EXPECT_TRUE(is_known(of_bob, kBob));
}

}  // namespace
}  // namespace lares::identity
