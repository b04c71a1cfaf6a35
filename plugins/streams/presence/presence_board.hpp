// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/actor.hpp>
#include <lares/async/runtime.hpp>
#include <lares/stream/token.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "presence_state.hpp"

namespace lares::presence {

/// Everyone's presence as far as this process has applied the stream. Who is offline stays for a while, so
/// that clients hear of it.
///
/// **Threads**: `size` and what begins with `ask` from any; the rest on the actor's loop, which is the first.
class PresenceBoard {
 public:
  static constexpr std::size_t kMostPeople = 100'000;

  explicit PresenceBoard(Runtime& runtime) : actor_(runtime.loop(0), "presence") {}

  [[nodiscard]] Actor& actor() noexcept { return actor_; }

  void take(PresenceState presence);
  [[nodiscard]] PresencePtr find(std::int64_t user) const;
  /// Those of one writer who are not offline.
  [[nodiscard]] std::vector<PresencePtr> present_of(stream::WriterNumber writer) const;
  /// What one writer announced in (from, to], in the order of positions.
  [[nodiscard]] std::vector<PresencePtr> between(stream::WriterNumber writer, std::int64_t from,
                                                 std::int64_t to) const;
  /// Whoever was announced beyond this is here.
  [[nodiscard]] std::int64_t complete_from() const noexcept { return complete_from_; }
  void set_complete_from(std::int64_t position) noexcept { complete_from_ = position; }

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  Task<PresencePtr> ask_for(std::int64_t user);
  /// Those of the users who are here.
  Task<std::vector<PresencePtr>> ask_for_all(std::vector<std::int64_t> users);
  /// Those who are not offline as of `to`. Who changed after it is left to the sync from there.
  Task<std::vector<PresencePtr>> ask_present(stream::StreamPosition to);

  struct Changes {
    bool complete = true;  ///< false if something may have changed and is no longer known
    std::vector<PresencePtr> people;
  };
  Task<Changes> ask_changes(stream::StreamPosition from, stream::StreamPosition to);

 private:
  using Place = std::tuple<std::int64_t, stream::WriterNumber, std::int64_t>;  // position, writer, user

  Actor actor_;
  std::unordered_map<std::int64_t, PresencePtr> people_;
  std::set<Place> order_;
  std::int64_t complete_from_ = 0;
  std::atomic<std::size_t> size_{0};
};

}  // namespace lares::presence
