// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/base/export.hpp>
#include <lares/base/time.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/token.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

namespace lares {
class Runtime;
}

namespace lares::stream {

/// A user who syncs. Made and fed by a FeedBoard.
class LARES_EXPORT Feed final : public UserFeed {
 public:
  explicit Feed(Runtime& runtime) : runtime_(runtime) {}
  ~Feed() override;

  [[nodiscard]] bool unchanged_since(const Token& since) const noexcept override;
  Task<bool> wait(const Token& since, std::chrono::milliseconds deadline) override;

 private:
  friend class FeedBoard;
  struct Change {
    StreamNumber stream{};
    WriterNumber writer = 0;
    std::int64_t position = 0;
  };

  void changed(StreamNumber stream, WriterNumber writer, std::int64_t position);
  /// Everything from here on is known.
  void know_from(Token from);
  [[nodiscard]] bool known() const noexcept;
  void end() noexcept;

  Runtime& runtime_;
  std::atomic<std::size_t> waiting_{0};
  mutable std::mutex mutex_;
  bool known_ = false;
  Token known_from_;
  std::vector<Change> changes_;  // the last of each stream and writer
  Notification changed_;
  std::atomic<bool> ended_{false};
  std::vector<std::int64_t> rooms_;  // under the board's mutex
  std::atomic<SteadyTime> used_{};
};

/// A Notifier: keeps a feed for each user who has synced lately, and for each room the feeds of those in it.
///
/// **Threads**: any. **Lifetime**: outlives every call of `feed`; the feeds it gave may outlive it.
class LARES_EXPORT FeedBoard final : public Notifier {
 public:
  /// Feeds kept while nobody waits on them.
  static constexpr std::size_t kMostFeeds = 100'000;

  /// Where the streams stand in this process.
  using Now = std::function<Token()>;
  /// Numbers of the rooms that a user is joined to, as this process has applied the stream of events.
  using RoomsOf = std::function<Task<std::vector<std::int64_t>>(std::int64_t user)>;

  FeedBoard(Runtime& runtime, Now now, RoomsOf rooms_of, std::size_t most_feeds = kMostFeeds);
  ~FeedBoard() override;

  void room(std::int64_t room, StreamNumber stream, WriterNumber writer, std::int64_t position) override;
  void users(std::span<const std::int64_t> users, StreamNumber stream, WriterNumber writer,
             std::int64_t position) override;
  void joined(std::int64_t user, std::int64_t room) override;
  void left(std::int64_t user, std::int64_t room) override;
  /// **Errors**: those of loading the user's rooms; the next call loads them again.
  Task<std::shared_ptr<UserFeed>> feed(std::int64_t user) override;
  [[nodiscard]] std::shared_ptr<UserFeed> find(std::int64_t user) noexcept override;

  /// Answers everyone who waits, now and from now on.
  void end() noexcept;
  [[nodiscard]] std::size_t feeds() const;
  /// Rooms with somebody in them who has a feed.
  [[nodiscard]] std::size_t rooms() const;
  /// Calls that wait for a feed to change.
  [[nodiscard]] std::size_t waiting() const;
  /// How often a row of the stream was somebody's, each counted by itself.
  [[nodiscard]] std::uint64_t woken(StreamNumber stream) const noexcept;
  /// Events that happened in rooms.
  [[nodiscard]] std::uint64_t events() const noexcept { return events_.load(std::memory_order_relaxed); }

 private:
  void drop_unused();
  void forget(Feed& feed);

  Runtime& runtime_;
  const Now now_;
  const RoomsOf rooms_of_;
  const std::size_t most_feeds_;
  std::array<std::atomic<std::uint64_t>, kStreamNumbers> woken_{};
  std::atomic<std::uint64_t> events_{0};
  mutable std::mutex mutex_;
  bool ended_ = false;
  std::unordered_map<std::int64_t, std::shared_ptr<Feed>> feeds_;
  std::unordered_map<std::int64_t, std::vector<Feed*>> rooms_;
};

}  // namespace lares::stream
