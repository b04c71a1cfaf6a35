// SPDX-License-Identifier: Apache-2.0
// Dialogues on both engines: what two requests say of one at the same time.
#include "uia.hpp"

#include <storage_test.hpp>

#include <nlohmann/json.hpp>

#include <string>
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

  Uia::Outcome step(const json& auth, Uia::Stage stage) {
    std::vector<Flow> flows{{std::string{kRegistrationTokenStage}, kTerms}};
    const json body = {{"auth", auth}};
    return run_blocking(runtime_, "test",
                        uia_.step(body, std::move(flows), "register", 0, "{}", std::move(stage)));
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

}  // namespace
}  // namespace lares::identity
