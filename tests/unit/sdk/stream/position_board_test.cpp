// SPDX-License-Identifier: Apache-2.0
#include "../async/runtime_fixture.hpp"

#include <lares/stream/position_board.hpp>

#include <atomic>

namespace lares::stream {
namespace {

using namespace std::chrono_literals;
constexpr StreamNumber kEvents = StreamNumber::kEvents;

TEST(PositionBoard, TheMinimumIsThatOfTheSlowestWriter) {
  PositionBoard board;
  board.set_floor(kEvents, 10);
  board.add_writer(kEvents, 1);
  board.add_writer(kEvents, 2);
  EXPECT_EQ(board.now().text(), "1.1-10");
  board.advance(kEvents, 1, 15);
  EXPECT_EQ(board.now().text(), "1.1-10~1-15");
  EXPECT_TRUE(board.covers(kEvents, 1, 15));
  EXPECT_FALSE(board.covers(kEvents, 2, 15));
  board.advance(kEvents, 2, 12);
  EXPECT_EQ(board.now().text(), "1.1-12~1-15");
  board.advance(kEvents, 2, 20);
  EXPECT_EQ(board.now().text(), "1.1-15~2-20");
}

TEST(PositionBoard, TheOnlyWriterMovesTheMinimum) {
  PositionBoard board;
  board.add_writer(kEvents, 4);
  board.set_floor(kEvents, 3);
  board.advance(kEvents, 4, 9);
  EXPECT_EQ(board.now().text(), "1.1-9");
  EXPECT_EQ(board.position(kEvents), StreamPosition{9});
}

TEST(PositionBoard, NeverGoesBack) {
  PositionBoard board;
  board.set_floor(kEvents, 10);
  board.add_writer(kEvents, 1);
  board.advance(kEvents, 1, 20);
  board.advance(kEvents, 1, 15);
  board.set_floor(kEvents, 5);
  EXPECT_EQ(board.now().text(), "1.1-20");
  board.add_writer(kEvents, 2);
  EXPECT_EQ(board.position(kEvents).minimum(), 20);
  board.advance(kEvents, 2, 18);
  EXPECT_EQ(board.now().text(), "1.1-20");
  board.add_writer(kEvents, 1);
  EXPECT_EQ(board.now().text(), "1.1-20");
}

TEST(PositionBoard, RowsOfAWriterThatLeftStayCovered) {
  PositionBoard board;
  board.set_floor(kEvents, 10);
  board.add_writer(kEvents, 1);
  board.add_writer(kEvents, 2);
  board.advance(kEvents, 2, 20);
  board.remove_writer(kEvents, 2);
  EXPECT_TRUE(board.covers(kEvents, 2, 20));
  EXPECT_EQ(board.now().text(), "1.1-10~2-20");
  board.advance(kEvents, 1, 30);
  EXPECT_EQ(board.now().text(), "1.1-30");
  board.remove_writer(kEvents, 1);
  EXPECT_EQ(board.now().text(), "1.1-30");
}

TEST(PositionBoard, TheSlowestWriterHoldsNothingBackOnceItLeft) {
  PositionBoard board;
  board.add_writer(kEvents, 1);
  board.add_writer(kEvents, 2);
  board.advance(kEvents, 2, 20);
  board.remove_writer(kEvents, 1);
  EXPECT_EQ(board.now().text(), "1.1-20");
  board.remove_writer(kEvents, 1);
  EXPECT_EQ(board.now().text(), "1.1-20");
}

TEST(PositionBoard, AWriterThatIsNotNamedMovesNothing) {
  PositionBoard board;
  board.set_floor(kEvents, 10);
  board.add_writer(kEvents, 1);
  board.advance(kEvents, 9, 50);
  EXPECT_EQ(board.now().text(), "1.1-10");
}

TEST(PositionBoard, StreamsDoNotTouchEachOther) {
  PositionBoard board;
  board.add_writer(kEvents, 1);
  board.add_writer(StreamNumber::kTyping, 1);
  board.advance(StreamNumber::kTyping, 1, 5);
  EXPECT_EQ(board.now().text(), "1.2-5");
}

using PositionBoardWait = testing::RuntimeTest;

TEST_F(PositionBoardWait, ReachedWakesWhenTheWriterGetsThere) {
  PositionBoard board;
  board.add_writer(kEvents, 1);
  board.add_writer(kEvents, 2);
  std::atomic<bool> reached{false};
  run([](PositionBoard& where, Runtime& runtime, std::atomic<bool>& to) -> Task<void> {
    TaskGroup waiters{runtime, "waiters"};
    const auto wait = [](PositionBoard& at, SteadyTime until, std::atomic<bool>& out) -> Task<void> {
      out = co_await at.reached(kEvents, 2, 5, until);
    };
    spawn(waiters, "waiter", wait(where, runtime.steady_now() + 60s, to));
    where.advance(kEvents, 1, 9);
    co_await testing::yield(runtime);
    where.advance(kEvents, 2, 4);
    co_await testing::yield(runtime);
    EXPECT_FALSE(to);
    where.advance(kEvents, 2, 5);
    co_await waiters.join();
  }(board, runtime_, reached));
  EXPECT_TRUE(reached);
}

TEST_F(PositionBoardWait, ReachedReturnsAtOnceForWhatIsCovered) {
  PositionBoard board;
  board.set_floor(kEvents, 5);
  EXPECT_TRUE(run(board.reached(kEvents, 2, 5, runtime_.steady_now())));
}

TEST_F(PositionBoardWait, ReachedIsFalseAtTheDeadline) {
  PositionBoard board;
  board.add_writer(kEvents, 2);
  EXPECT_FALSE(run(board.reached(kEvents, 2, 5, runtime_.steady_now() + 1ms)));
}

}  // namespace
}  // namespace lares::stream
