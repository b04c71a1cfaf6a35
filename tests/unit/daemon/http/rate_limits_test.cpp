// SPDX-License-Identifier: Apache-2.0
#include <http/rate_limits.hpp>

#include <lares/async/blocking_pool.hpp>
#include <lares/async/runtime.hpp>

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace lares::http {
namespace {

using namespace std::chrono_literals;

/// A Runtime whose clock stands until it is moved.
class StillRuntime final : public Runtime {
 public:
  SteadyTime time{1h};
  [[nodiscard]] std::int64_t now_ms() const noexcept override { return 0; }
  [[nodiscard]] SteadyTime steady_now() const noexcept override { return time; }
  void fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), std::uint8_t{7}); }
  [[nodiscard]] std::size_t loop_count() const noexcept override { return 0; }
  [[nodiscard]] Loop& loop(std::size_t) noexcept override { std::abort(); }
  [[nodiscard]] Loop& next_loop() noexcept override { std::abort(); }
  BlockingPool& create_pool(PoolOptions) override { std::abort(); }
  [[nodiscard]] BlockingPool& pool(std::string_view) override { std::abort(); }
  [[nodiscard]] Task<std::vector<boost::asio::ip::address>> resolve(std::string) override { std::abort(); }

 private:
  void timer_changed(Loop&, SteadyTime) override {}
};

class BucketLimiterTest : public testing::Test {
 protected:
  BucketLimiterTest() { bucket_.set(2, 3, true); }
  StillRuntime runtime_;
  BucketLimiter bucket_{runtime_, 42};
  service::Limiter& limiter_ = bucket_;
};

TEST_F(BucketLimiterTest, AdmitsABurstAndThenTheRate) {
  for (int at = 0; at < 3; ++at) {
    EXPECT_FALSE(limiter_.try_take("a"));
  }
  EXPECT_EQ(limiter_.try_take("a"), 500ms);
  EXPECT_FALSE(limiter_.try_take("b"));
  runtime_.time += 499ms;
  EXPECT_EQ(limiter_.try_take("a"), 1ms);
  runtime_.time += 1ms;
  EXPECT_FALSE(limiter_.try_take("a"));
  EXPECT_EQ(limiter_.try_take("a"), 500ms);
}

TEST_F(BucketLimiterTest, FillsNoFurtherThanTheBurst) {
  EXPECT_FALSE(limiter_.try_take("a"));
  runtime_.time += 1h;
  for (int at = 0; at < 3; ++at) {
    EXPECT_FALSE(limiter_.try_take("a"));
  }
  EXPECT_TRUE(limiter_.try_take("a"));
}

TEST_F(BucketLimiterTest, LooksWithoutTaking) {
  for (int at = 0; at < 10; ++at) {
    EXPECT_FALSE(limiter_.peek("a"));
  }
  EXPECT_FALSE(limiter_.try_take("a", 3));
  EXPECT_EQ(limiter_.peek("a"), 500ms);
}

TEST_F(BucketLimiterTest, TakesSeveralOrNone) {
  EXPECT_FALSE(limiter_.try_take("a", 2));
  EXPECT_EQ(limiter_.try_take("a", 2), 500ms);
  EXPECT_FALSE(limiter_.try_take("a", 1));
}

TEST_F(BucketLimiterTest, HasRoomForWhatIsGivenBackAndNoMoreThanTheBurst) {
  EXPECT_FALSE(limiter_.try_take("a", 3));
  EXPECT_FALSE(limiter_.try_take("a", -1));
  EXPECT_FALSE(limiter_.try_take("a"));
  EXPECT_EQ(limiter_.try_take("a"), 500ms);
  EXPECT_FALSE(limiter_.try_take("b", -5));
  EXPECT_FALSE(limiter_.try_take("b", 3));
  EXPECT_EQ(limiter_.try_take("b"), 500ms);
}

TEST_F(BucketLimiterTest, AdmitsEverythingWhenSwitchedOff) {
  bucket_.set(0, 1, false);
  for (int at = 0; at < 100; ++at) {
    EXPECT_FALSE(limiter_.try_take("a"));
  }
}

TEST_F(BucketLimiterTest, SaysALongTimeWhereTheRateIsZero) {
  bucket_.set(0, 1, true);
  EXPECT_FALSE(limiter_.try_take("a"));
  const auto wait = limiter_.try_take("a");
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, 24h);
}

TEST_F(BucketLimiterTest, KeepsABoundedNumberOfKeys) {
  for (std::size_t at = 0; at < 2 * BucketLimiter::kMaxKeys; ++at) {
    static_cast<void>(limiter_.try_take(fmt::format("key {}", at)));
  }
  EXPECT_LE(bucket_.keys(), BucketLimiter::kMaxKeys);
  // A key at its limit is remembered longer than those that were seen once.
  for (int at = 0; at < 4; ++at) {
    static_cast<void>(limiter_.try_take("busy"));
  }
  for (std::size_t at = 0; at < 2 * BucketLimiter::kMaxKeys; ++at) {
    static_cast<void>(limiter_.try_take(fmt::format("more {}", at)));
  }
  EXPECT_TRUE(limiter_.try_take("busy"));
}

}  // namespace
}  // namespace lares::http
