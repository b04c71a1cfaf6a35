// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/blocking_pool.hpp>
#include <lares/async/loop_driver.hpp>
#include <lares/async/runtime.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::sim {

/// Loops of several servers on one thread, in virtual time. What is ready runs in an order that the seed
/// says; when nothing is, the clock moves to the next deadline. The same seed gives the same run.
class VirtualRuntime final : public Runtime {
 public:
  VirtualRuntime(std::uint64_t seed, std::size_t loops);
  ~VirtualRuntime() override;

  /// Runs until `over` is true, which is asked after each step. False if nothing was left to do before.
  bool run_until(const std::function<bool()>& over);

  /// A number from the seed, at least `lowest` and at most `highest`.
  std::int64_t between(std::int64_t lowest, std::int64_t highest);
  [[nodiscard]] bool chance(int percent) { return between(1, 100) <= percent; }

  [[nodiscard]] std::int64_t now_ms() const noexcept override;
  [[nodiscard]] SteadyTime steady_now() const noexcept override { return now_; }
  void fill(std::span<std::uint8_t> out) override;
  [[nodiscard]] std::size_t loop_count() const noexcept override { return loops_.size(); }
  [[nodiscard]] Loop& loop(std::size_t index) noexcept override { return *loops_[index]; }
  [[nodiscard]] Loop& next_loop() noexcept override { return *loops_[next_++ % loops_.size()]; }
  BlockingPool& create_pool(PoolOptions options) override;
  [[nodiscard]] BlockingPool& pool(std::string_view name) override;
  [[nodiscard]] Task<std::vector<boost::asio::ip::address>> resolve(std::string host) override;

 private:
  /// Jobs run where they are submitted.
  class InlinePool final : public BlockingPool {
   public:
    [[nodiscard]] const std::string& name() const noexcept override { return name_; }
    [[nodiscard]] std::size_t waiting() const noexcept override { return 0; }
    void submit(PoolJob& job) override { execute(job); }

   private:
    std::string name_{"inline"};
  };

  void timer_changed(Loop& loop, SteadyTime deadline) override;
  bool run_one();

  std::mt19937_64 random_;
  SteadyTime now_{std::chrono::hours{24}};
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  InlinePool pool_;
};

}  // namespace lares::sim
