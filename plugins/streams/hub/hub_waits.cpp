// SPDX-License-Identifier: Apache-2.0
// Of HubImpl: waiting until this process has taken up what others have written.
#include "hub_impl.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/topology.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace lares::hub {

using storage::Row;
using stream::StreamNumber;

namespace {

constexpr storage::Statement kAllDrawn{
    "SELECT stream, writer, position FROM stream_positions WHERE writer > 0"};
// What a message takes between two processes, and much more.
constexpr std::chrono::milliseconds kMessageTime{100};
// As long as somebody waits who is to be told that something is not there.
constexpr std::chrono::seconds kCatchUp{5};

}  // namespace

Task<bool> HubImpl::reached(StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                            std::chrono::milliseconds deadline) {
  return known(stream, writer, position, deadline, Source::kWriter);
}

Task<bool> HubImpl::known(StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                          std::chrono::milliseconds deadline, Source source) {
  const bool applied = co_await this->applied(stream, writer, position, deadline, source);
  if (applied && writer != self_) {
    // The first loop does not give way between the position and its wake(), so once it can be called those
    // whom the rows concern know of them, too.
    co_await inbox_actor_.call([] {});
  }
  co_return applied;
}

Task<bool> HubImpl::applied(StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                            std::chrono::milliseconds deadline, Source source) {
  if (board_.covers(stream, writer, position)) {
    co_return true;
  }
  const Measure measure{waiting_};
  const SteadyTime end = server_.runtime().steady_now() + deadline;
  const auto found = inboxes_.find(stream::stream_name(stream));
  if (found != inboxes_.end() && writer != self_) {
    // The writer has committed it, so if no message of it comes in time it is read where it is kept.
    if (co_await board_.reached(
            stream, writer, position,
            connected() ? std::min(end, server_.runtime().steady_now() + kMessageTime) : SteadyTime::min())) {
      co_return true;
    }
    Inbox& inbox = found->second;
    server_.runtime().loop(0).post([this, &inbox, writer, position, source] {
      if (inbox.queue.size() < kMostQueued && !tasks_.cancelled()) {
        inbox.queue.emplace_back(Fetch{writer, position, source});
        begin(inbox);
      }
    });
  }
  co_return co_await board_.reached(stream, writer, position, end);
}

// What this process writes itself it has applied, however far the others have seen that it has nothing.
Task<bool> HubImpl::reached(StreamNumber stream, stream::StreamPosition position,
                            std::chrono::milliseconds deadline) {
  std::vector<stream::StreamPosition::Ahead> wanted = position.ahead();
  for (const stream::WriterNumber writer : board_.writers(stream)) {
    wanted.push_back({writer, position.of(writer)});
  }
  const SteadyTime end = server_.runtime().steady_now() + deadline;
  for (const stream::StreamPosition::Ahead& at : wanted) {
    if (at.writer == self_ || board_.covers(stream, at.writer, at.position)) {
      continue;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - server_.runtime().steady_now());
    if (!co_await known(stream, at.writer, at.position, left, Source::kClient)) {
      co_return false;
    }
  }
  co_return true;
}

Task<void> HubImpl::fetch(Inbox& inbox, Fetch wanted) {
  if (!inbox.stream->in_memory()) {
    co_await renew_list(inbox);
  }
  if (!inbox.writers.contains(wanted.writer)) {
    co_return;
  }
  if (wanted.source == Source::kClient) {
    // A token is whatever its bearer makes of it. Went this process by it, what its writer commits later
    // below the position would count as taken up; below what is committed a writer has nothing open.
    const auto committed = co_await inbox.stream->committed_beyond(database_, board_.position(*inbox.number));
    const auto own = std::ranges::find(committed, wanted.writer, &stream::StreamPosition::Ahead::writer);
    if (own == committed.end()) {
      co_return;
    }
    wanted.upto = std::min(wanted.upto, own->position);
  }
  co_await fill(inbox, wanted.writer, wanted.upto);
}

/// One task that looks for all who ask; who still waits when it goes, even before it ever ran, is told so.
class HubImpl::Look {
 public:
  explicit Look(HubImpl& hub) noexcept : hub_(&hub) {}
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;
  ~Look() {
    if (hub_ != nullptr) {
      hub_->looking_ = false;
      hub_->next_look_.reset();
    }
  }
  /// Those who have asked since the last call; nothing, and the end, where there are none.
  std::optional<Promise<bool>> next() {
    std::optional<Promise<bool>> asked = std::exchange(hub_->next_look_, std::nullopt);
    if (!asked) {
      hub_->looking_ = false;
      hub_ = nullptr;
    }
    return asked;
  }

 private:
  HubImpl* hub_;
};

// What is committed before the call has to be seen, so a look that has begun is not joined; all who come
// meanwhile share the next one. However many are denied something at a time, one asks the database.
Task<bool> HubImpl::catch_up() {
  const Future<bool> seen = co_await inbox_actor_.call([this] { return ask_to_look(); });
  co_return co_await seen.get();
}

Future<bool> HubImpl::ask_to_look() {
  if (!next_look_) {
    next_look_.emplace();
  }
  Future<bool> seen = next_look_->future();
  if (!std::exchange(looking_, true)) {
    spawn(tasks_, Background{"replication-catch-up", server_.name()},
          look_for_all(std::make_unique<Look>(*this)), &server_.runtime().loop(0));
  }
  return seen;
}

Task<void> HubImpl::look_for_all(std::unique_ptr<Look> look) {
  while (std::optional<Promise<bool>> asked = look->next()) {
    try {
      asked->set(co_await catch_up_now());
    } catch (const boost::system::system_error&) {
      asked->fail(std::make_exception_ptr(http::unavailable("This process ends.")));
    } catch (...) {
      asked->fail(std::current_exception());
    }
  }
}

Task<bool> HubImpl::catch_up_now() {
  bool behind = co_await inbox_actor_.call([this] { return read_unnumbered(); });
  struct Drawn {
    StreamNumber stream;
    stream::StreamPosition::Ahead at;
  };
  std::vector<Drawn> committed =
      co_await database_.read("streams_committed", [](storage::ReadTransaction& tx) {
        std::vector<Drawn> found;
        tx.each(kAllDrawn, [&found](const Row& row) {
          if (const auto number = stream::stream_number(row.text(0))) {
            found.push_back({*number, {static_cast<stream::WriterNumber>(row.i64(1)), row.i64(2)}});
          }
        });
        return found;
      });
  for (const auto& [name, inbox] : inboxes_) {
    if (!inbox.number) {
      continue;
    }
    const auto beyond = co_await inbox.stream->committed_beyond(database_, board_.position(*inbox.number));
    for (const stream::StreamPosition::Ahead& at : beyond) {
      committed.push_back({*inbox.number, at});
    }
  }
  const SteadyTime end = server_.runtime().steady_now() + kCatchUp;
  for (const Drawn& drawn : committed) {
    const auto inbox = inboxes_.find(stream::stream_name(drawn.stream));
    if (inbox == inboxes_.end() || drawn.at.writer == self_ ||
        board_.covers(drawn.stream, drawn.at.writer, drawn.at.position)) {
      continue;
    }
    behind = true;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - server_.runtime().steady_now());
    if (!co_await reached(drawn.stream, drawn.at.writer, drawn.at.position, left)) {
      throw http::unavailable("This process has yet to hear what others wrote.");
    }
  }
  co_return behind;
}

}  // namespace lares::hub
