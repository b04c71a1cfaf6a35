// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/stream/token.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace lares::stream {

/// What the notifier keeps of a user who syncs: the rooms the user is joined to, and the last position in
/// each stream that concerned the user. From it an unchanged sync is answered without the database.
///
/// **Threads**: any. **Lifetime**: shared; dropped by the notifier when nobody has asked for it for a while.
class LARES_EXPORT UserFeed {
 public:
  virtual ~UserFeed();

  /// True if nothing that concerns the user lies beyond `since`. False also where it is not known.
  [[nodiscard]] virtual bool unchanged_since(const Token& since) const noexcept = 0;

  /// Waits until something beyond `since` concerns the user. False at the deadline. Does not suspend when it
  /// already does.
  /// **Cancellation**: throws operation_aborted. On drain it returns false at once.
  virtual Task<bool> wait(const Token& since, std::chrono::milliseconds deadline) = 0;
};

/// Wakes exactly those users and rooms that a row concerns. Stream readers tell it of rows once these are
/// applied; /sync waits on it.
///
/// **Threads**: any.
class LARES_EXPORT Notifier {
 public:
  static constexpr std::string_view kServiceId = "lares.notifier/1";
  virtual ~Notifier();

  /// Something in a room: everyone who is joined to it.
  virtual void room(std::int64_t room, StreamNumber stream, WriterNumber writer, std::int64_t position) = 0;
  /// Something for certain users.
  virtual void users(std::span<const std::int64_t> users, StreamNumber stream, WriterNumber writer,
                     std::int64_t position) = 0;
  /// A membership as the reader of events applied it; called before `room` for the same event.
  virtual void joined(std::int64_t user, std::int64_t room) = 0;
  virtual void left(std::int64_t user, std::int64_t room) = 0;

  /// The feed of a user; made, with the user's rooms read from the events plugin, if there is none yet.
  virtual Task<std::shared_ptr<UserFeed>> feed(std::int64_t user) = 0;
  /// The feed if there is one whose rooms are read, without waiting.
  [[nodiscard]] virtual std::shared_ptr<UserFeed> find(std::int64_t user) noexcept = 0;
};

}  // namespace lares::stream
