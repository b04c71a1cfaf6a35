// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/stream/feed_board.hpp>

#include <algorithm>
#include <utility>

namespace lares::stream {

namespace {

// Keeps the last position of each stream and writer.
template <class Changes>
void note(Changes& changes, StreamNumber stream, WriterNumber writer, std::int64_t position) {
  const auto known = std::ranges::find_if(changes, [stream, writer](const auto& change) {
    return change.stream == stream && change.writer == writer;
  });
  if (known == changes.end()) {
    changes.push_back({stream, writer, position});
  } else {
    known->position = std::max(known->position, position);
  }
}

// Counts a call for as long as it waits, however it ends.
class Waiting {
 public:
  explicit Waiting(std::atomic<std::size_t>& count) noexcept : count_(count) { ++count_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { --count_; }

 private:
  std::atomic<std::size_t>& count_;
};

}  // namespace

Feed::~Feed() = default;

bool Feed::unchanged_since(const Token& since) const noexcept {
  const std::lock_guard lock{mutex_};
  if (!known_) {
    return false;
  }
  for (std::size_t i = 1; i < kStreamNumbers; ++i) {
    const auto stream = static_cast<StreamNumber>(i);
    if (since.minimum(stream) < known_from_.minimum(stream)) {
      return false;
    }
  }
  return std::ranges::all_of(changes_, [&since](const Change& change) {
    return since.covers(change.stream, change.writer, change.position);
  });
}

Task<bool> Feed::wait(const Token& since, std::chrono::milliseconds deadline) {
  const SteadyTime until = runtime_.steady_now() + deadline;
  const Waiting waiting{waiting_};
  for (;;) {
    const std::uint64_t seen = changed_.version();
    if (ended_.load(std::memory_order_acquire)) {
      co_return false;
    }
    if (!unchanged_since(since)) {
      co_return true;
    }
    if (co_await changed_.wait_beyond(seen, until) == Wake::kTimeout) {
      co_return false;
    }
  }
}

void Feed::changed(StreamNumber stream, WriterNumber writer, std::int64_t position) {
  {
    const std::lock_guard lock{mutex_};
    note(changes_, stream, writer, position);
  }
  changed_.notify();
}

void Feed::know_from(Token from) {
  const std::lock_guard lock{mutex_};
  // What writers ahead of the others had written by then may concern the user, whose token need not cover it.
  for (std::size_t i = 1; i < kStreamNumbers; ++i) {
    const auto stream = static_cast<StreamNumber>(i);
    const StreamPosition position = from.at(stream);
    for (const StreamPosition::Ahead& ahead : position.ahead()) {
      note(changes_, stream, ahead.writer, ahead.position);
    }
  }
  known_from_ = std::move(from);
  known_ = true;
}

bool Feed::known() const noexcept {
  const std::lock_guard lock{mutex_};
  return known_;
}

void Feed::end() noexcept {
  ended_.store(true, std::memory_order_release);
  changed_.notify();
}

FeedBoard::FeedBoard(Runtime& runtime, Now now, RoomsOf rooms_of, std::size_t most_feeds)
    : runtime_(runtime), now_(std::move(now)), rooms_of_(std::move(rooms_of)), most_feeds_(most_feeds) {}

FeedBoard::~FeedBoard() = default;

void FeedBoard::room(std::int64_t room, StreamNumber stream, WriterNumber writer, std::int64_t position) {
  if (stream == StreamNumber::kEvents) {
    events_.fetch_add(1, std::memory_order_relaxed);
  }
  const std::lock_guard lock{mutex_};
  const auto found = rooms_.find(room);
  if (found == rooms_.end()) {
    return;
  }
  woken_[static_cast<std::size_t>(stream)].fetch_add(found->second.size(), std::memory_order_relaxed);
  for (Feed* feed : found->second) {
    feed->changed(stream, writer, position);
  }
}

void FeedBoard::users(std::span<const std::int64_t> users, StreamNumber stream, WriterNumber writer,
                      std::int64_t position) {
  const std::lock_guard lock{mutex_};
  for (const std::int64_t user : users) {
    if (const auto found = feeds_.find(user); found != feeds_.end()) {
      woken_[static_cast<std::size_t>(stream)].fetch_add(1, std::memory_order_relaxed);
      found->second->changed(stream, writer, position);
    }
  }
}

void FeedBoard::joined(std::int64_t user, std::int64_t room) {
  const std::lock_guard lock{mutex_};
  const auto found = feeds_.find(user);
  if (found == feeds_.end()) {
    return;
  }
  Feed& feed = *found->second;
  if (std::ranges::find(feed.rooms_, room) == feed.rooms_.end()) {
    feed.rooms_.push_back(room);
    rooms_[room].push_back(&feed);
  }
}

void FeedBoard::left(std::int64_t user, std::int64_t room) {
  const std::lock_guard lock{mutex_};
  const auto found = feeds_.find(user);
  if (found == feeds_.end() || std::erase(found->second->rooms_, room) == 0) {
    return;
  }
  const auto place = rooms_.find(room);
  std::erase(place->second, found->second.get());
  if (place->second.empty()) {
    rooms_.erase(place);
  }
}

std::shared_ptr<UserFeed> FeedBoard::find(std::int64_t user) noexcept {
  const std::lock_guard lock{mutex_};
  const auto found = feeds_.find(user);
  if (found == feeds_.end() || !found->second->known()) {
    return nullptr;
  }
  found->second->used_.store(runtime_.steady_now(), std::memory_order_relaxed);
  return found->second;
}

Task<std::shared_ptr<UserFeed>> FeedBoard::feed(std::int64_t user) {
  std::shared_ptr<Feed> feed;
  {
    const std::lock_guard lock{mutex_};
    std::shared_ptr<Feed>& place = feeds_[user];
    if (place) {
      feed = place;
    } else {
      feed = place = std::make_shared<Feed>(runtime_);
      if (ended_) {
        feed->end();
      }
      drop_unused();
    }
    feed->used_.store(runtime_.steady_now(), std::memory_order_relaxed);
  }
  if (feed->known()) {
    co_return feed;
  }
  // Whoever asks meanwhile loads as well: one load that fails must not leave a feed that never knows
  // anything.
  const std::vector<std::int64_t> rooms = co_await rooms_of_(user);
  for (const std::int64_t room : rooms) {
    joined(user, room);
  }
  feed->know_from(now_());
  co_return feed;
}

void FeedBoard::forget(Feed& feed) {
  for (const std::int64_t room : feed.rooms_) {
    const auto place = rooms_.find(room);
    std::erase(place->second, &feed);
    if (place->second.empty()) {
      rooms_.erase(place);
    }
  }
}

// A tenth goes at a time, so that the search is paid for by many new feeds.
void FeedBoard::drop_unused() {
  if (feeds_.size() <= most_feeds_) {
    return;
  }
  std::vector<std::pair<SteadyTime, std::int64_t>> unused;
  for (const auto& [user, feed] : feeds_) {
    if (feed.use_count() == 1) {
      unused.emplace_back(feed->used_.load(std::memory_order_relaxed), user);
    }
  }
  std::ranges::sort(unused);
  unused.resize(std::min(unused.size(), most_feeds_ / 10 + 1));
  for (const auto& [used, user] : unused) {
    const auto found = feeds_.find(user);
    forget(*found->second);
    feeds_.erase(found);
  }
}

void FeedBoard::end() noexcept {
  const std::lock_guard lock{mutex_};
  ended_ = true;
  for (const auto& [user, feed] : feeds_) {
    feed->end();
  }
}

std::size_t FeedBoard::feeds() const {
  const std::lock_guard lock{mutex_};
  return feeds_.size();
}

std::size_t FeedBoard::rooms() const {
  const std::lock_guard lock{mutex_};
  return rooms_.size();
}

std::size_t FeedBoard::waiting() const {
  const std::lock_guard lock{mutex_};
  std::size_t sum = 0;
  for (const auto& [user, feed] : feeds_) {
    sum += feed->waiting_.load(std::memory_order_relaxed);
  }
  return sum;
}

std::uint64_t FeedBoard::woken(StreamNumber stream) const noexcept {
  return woken_[static_cast<std::size_t>(stream)].load(std::memory_order_relaxed);
}

}  // namespace lares::stream
