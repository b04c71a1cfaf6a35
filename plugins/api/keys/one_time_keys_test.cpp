// SPDX-License-Identifier: Apache-2.0
// One-time keys on both engines: who takes one and who uploads it again at the same time.
#include <storage_test.hpp>

#include <lares/async/when_all.hpp>
#include <lares/storage/transaction.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "device_keys.hpp"
#include "schema.hpp"

namespace lares::keys {
namespace {

using storage::WriteTransaction;

constexpr std::int64_t kUser = 7;
constexpr std::chrono::milliseconds kMeanwhile{300};

class OneTimeKeys : public storage::test::StorageTest {
 protected:
  OneTimeKeys() {
    const std::vector<storage::Schema> schemas{keys_schema()};
    run_blocking(runtime_, "test", storage::migrate(*database_, schemas, 1));
  }

  void upload() {
    run_blocking(runtime_, "test", database_->write("upload", [this](WriteTransaction& tx) {
      add_one_time_keys(tx, kUser, "PHONE", keys_, 1);
    }));
  }
  Task<std::optional<PreKey>> take() {
    co_return co_await database_->write("take", [this](WriteTransaction& tx) {
      std::optional<PreKey> key = claim(tx, kUser, "PHONE", "test_key", 1);
      taken_.store(true);
      // On SQLite nobody begins before this has ended.
      wait_for(begun_);
      std::this_thread::sleep_for(kMeanwhile / 4);
      return key;
    });
  }
  Task<std::optional<PreKey>> upload_meanwhile() {
    co_await database_->write("upload", [this](WriteTransaction& tx) {
      wait_for(taken_);
      begun_.store(true);
      add_one_time_keys(tx, kUser, "PHONE", keys_, 1);
    });
    co_return std::nullopt;
  }
  static void wait_for(const std::atomic<bool>& flag) {
    const auto end = std::chrono::steady_clock::now() + kMeanwhile;
    while (!flag.load() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  std::optional<PreKey> take_now() {
    return run_blocking(runtime_, "test", database_->write("take", [](WriteTransaction& tx) {
      return claim(tx, kUser, "PHONE", "test_key", 2);
    }));
  }

  const std::vector<PreKey> keys_{{.algorithm = "test_key", .id = "A", .json = R"({"key":"a"})"}};
  std::atomic<bool> taken_{false};
  std::atomic<bool> begun_{false};
};
INSTANTIATE_TEST_SUITE_P(Engines, OneTimeKeys, testing::ValuesIn(storage::test::engines()),
                         storage::test::case_name);

TEST_P(OneTimeKeys, WhatIsUploadedAgainWhileSomebodyTakesItIsNotGivenOnceMore) {
  upload();
  std::vector<Task<std::optional<PreKey>>> both;
  both.push_back(take());
  both.push_back(upload_meanwhile());
  const auto results = run_blocking(runtime_, "test", when_all(std::move(both)));
  ASSERT_TRUE(results.front());
  EXPECT_EQ(results.front()->id, "A");
  EXPECT_FALSE(take_now());
}

TEST_P(OneTimeKeys, WhatIsUploadedAgainIsThereOnce) {
  upload();
  upload();
  EXPECT_TRUE(take_now());
  upload();
  EXPECT_FALSE(take_now());
}

}  // namespace
}  // namespace lares::keys
