// SPDX-License-Identifier: Apache-2.0
#include <host/module_calls.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace lares::host {
namespace {

ModuleAnswer denial() {
  return {.verdict = {.allowed = false}};
}

TEST(ModuleCalls, TakeTheFirstAnswerAndNoOther) {
  ModuleCalls calls(10);
  auto call = calls.begin();
  ASSERT_TRUE(call);
  EXPECT_FALSE(call->answer.ready());
  EXPECT_EQ(calls.complete(call->completion, denial()), LARES_OK);
  EXPECT_TRUE(call->answer.ready());
  EXPECT_EQ(calls.complete(call->completion, {}), LARES_STALE);
  EXPECT_FALSE(calls.retire(call->completion));
  EXPECT_EQ(calls.size(), 0u);
}

TEST(ModuleCalls, RefuseWhatComesAfterTheDeadline) {
  ModuleCalls calls(10);
  const auto call = calls.begin();
  EXPECT_TRUE(calls.retire(call->completion));
  EXPECT_EQ(calls.complete(call->completion, denial()), LARES_STALE);
}

TEST(ModuleCalls, SayInTheHandleWhatTheAnswerHasForItsValue) {
  ModuleCalls calls(10);
  const auto question = calls.begin();
  const auto state = calls.begin(ModuleCalls::Value::State);
  ASSERT_TRUE(question && state);
  EXPECT_EQ(ModuleCalls::value_of(question->completion), ModuleCalls::Value::Verdict);
  EXPECT_EQ(ModuleCalls::value_of(state->completion), ModuleCalls::Value::State);
  EXPECT_TRUE(calls.open(state->completion));
  EXPECT_EQ(calls.complete(state->completion, {}), LARES_OK);
  EXPECT_EQ(calls.complete(state->completion, {}), LARES_STALE);
  EXPECT_TRUE(calls.open(question->completion));
  EXPECT_TRUE(calls.retire(question->completion));
}

TEST(ModuleCalls, NeverGiveAHandleTwice) {
  ModuleCalls calls(10);
  const auto first = calls.begin()->completion;
  calls.retire(first);
  const auto second = calls.begin();
  EXPECT_EQ(second->completion.handle.index, first.handle.index);
  EXPECT_NE(second->completion.handle.generation, first.handle.generation);
  EXPECT_EQ(calls.complete(first, denial()), LARES_STALE);
  EXPECT_FALSE(second->answer.ready());
}

TEST(ModuleCalls, RefuseHandlesThatNobodyGave) {
  ModuleCalls calls(10);
  EXPECT_EQ(calls.complete({{~std::uint64_t{0}, 1}}, {}), LARES_STALE);
  EXPECT_EQ(calls.complete({{0, 0}}, {}), LARES_STALE);
}

TEST(ModuleCalls, AreBounded) {
  ModuleCalls calls(2);
  const auto first = calls.begin();
  const auto second = calls.begin();
  EXPECT_FALSE(calls.begin());
  calls.retire(first->completion);
  EXPECT_TRUE(calls.begin());
}

TEST(ModuleCalls, EndTogetherWhenTheModuleIsGone) {
  ModuleCalls calls(10);
  const auto first = calls.begin();
  const auto second = calls.begin();
  calls.fail_all(LARES_GONE, "gone");
  EXPECT_TRUE(first->answer.ready());
  EXPECT_TRUE(second->answer.ready());
  EXPECT_EQ(calls.size(), 0u);
}

TEST(ModuleCalls, LetExactlyOneOfManyRacersWin) {
  ModuleCalls calls(100);
  for (int round = 0; round < 200; ++round) {
    const auto call = calls.begin();
    std::atomic<int> winners{0};
    std::vector<std::thread> racers;
    for (int racer = 0; racer < 4; ++racer) {
      racers.emplace_back([&, racer] {
        const bool won =
            racer == 0 ? calls.retire(call->completion) : calls.complete(call->completion, {}) == LARES_OK;
        winners += won ? 1 : 0;
      });
    }
    for (auto& thread : racers) {
      thread.join();
    }
    EXPECT_EQ(winners, 1);
  }
}

}  // namespace
}  // namespace lares::host
