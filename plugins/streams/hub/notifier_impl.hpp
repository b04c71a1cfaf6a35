// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/base/time.hpp>
#include <lares/plugin/service_registry.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lares {
class Runtime;
}

namespace lares::hub {

/// A user who syncs.
class Feed final : public stream::UserFeed {
 public:
  explicit Feed(Runtime& runtime) : runtime_(runtime) {}

  [[nodiscard]] bool unchanged_since(const stream::Token& since) const noexcept override;
  Task<bool> wait(const stream::Token& since, std::chrono::milliseconds deadline) override;

  void changed(stream::StreamNumber stream, stream::WriterNumber writer, std::int64_t position);
  /// Everything from here on is known.
  void known_from(stream::Token from);
  void end() noexcept;

 private:
  friend class NotifierImpl;
  struct Change {
    stream::StreamNumber stream{};
    stream::WriterNumber writer = 0;
    std::int64_t position = 0;
  };

  Runtime& runtime_;
  mutable std::mutex mutex_;
  bool known_ = false;
  stream::Token known_from_;
  std::vector<Change> changes_;  // the last of each stream and writer
  Notification changed_;
  std::atomic<bool> ended_{false};
  std::vector<std::int64_t> rooms_;  // under the notifier's mutex
  std::atomic<SteadyTime> used_{};
};

/// See stream::Notifier. Keeps a feed for each user who has synced lately, and for each room the feeds of
/// those in it.
class NotifierImpl final : public stream::Notifier {
 public:
  /// Feeds kept while nobody waits on them.
  static constexpr std::size_t kMostFeeds = 100'000;

  NotifierImpl(Runtime& runtime, stream::Hub& hub, ServiceRegistry& services);

  void room(std::int64_t room, stream::StreamNumber stream, stream::WriterNumber writer,
            std::int64_t position) override;
  void users(std::span<const std::int64_t> users, stream::StreamNumber stream, stream::WriterNumber writer,
             std::int64_t position) override;
  void joined(std::int64_t user, std::int64_t room) override;
  void left(std::int64_t user, std::int64_t room) override;
  Task<std::shared_ptr<stream::UserFeed>> feed(std::int64_t user) override;
  [[nodiscard]] std::shared_ptr<stream::UserFeed> find(std::int64_t user) noexcept override;

  /// Answers everyone who waits, now and from now on.
  void end() noexcept;
  [[nodiscard]] std::size_t feeds() const;

 private:
  void drop_unused();
  void forget(std::int64_t user, Feed& feed);

  Runtime& runtime_;
  stream::Hub& hub_;
  ServiceRegistry& services_;
  mutable std::mutex mutex_;
  bool ended_ = false;
  std::unordered_map<std::int64_t, std::shared_ptr<Feed>> feeds_;
  std::unordered_map<std::int64_t, std::vector<Feed*>> rooms_;
};

}  // namespace lares::hub
