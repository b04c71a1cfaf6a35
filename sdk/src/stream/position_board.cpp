// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/position_board.hpp>

#include <algorithm>
#include <utility>

namespace lares::stream {

void PositionBoard::set_floor(StreamNumber stream, std::int64_t position) {
  {
    const std::lock_guard lock{mutex_};
    Board& board = boards_[static_cast<std::size_t>(stream)];
    board.floor = std::max(board.floor, position);
    for (StreamPosition::Ahead& writer : board.writers) {
      writer.position = std::max(writer.position, board.floor);
    }
    publish(stream);
  }
  advanced_.notify();
}

void PositionBoard::add_writer(StreamNumber stream, WriterNumber writer) {
  const std::lock_guard lock{mutex_};
  Board& board = boards_[static_cast<std::size_t>(stream)];
  if (std::ranges::find(board.writers, writer, &StreamPosition::Ahead::writer) == board.writers.end()) {
    board.writers.push_back({writer, board.floor});
  }
  publish(stream);
}

void PositionBoard::remove_writer(StreamNumber stream, WriterNumber writer) {
  {
    const std::lock_guard lock{mutex_};
    Board& board = boards_[static_cast<std::size_t>(stream)];
    const auto found = std::ranges::find(board.writers, writer, &StreamPosition::Ahead::writer);
    if (found == board.writers.end()) {
      return;
    }
    board.departed.push_back(*found);
    board.writers.erase(found);
    publish(stream);
  }
  advanced_.notify();
}

void PositionBoard::advance(StreamNumber stream, WriterNumber writer, std::int64_t position) {
  {
    const std::lock_guard lock{mutex_};
    Board& board = boards_[static_cast<std::size_t>(stream)];
    const auto found = std::ranges::find(board.writers, writer, &StreamPosition::Ahead::writer);
    if (found == board.writers.end() || found->position >= position) {
      return;
    }
    found->position = position;
    publish(stream);
  }
  advanced_.notify();
}

void PositionBoard::publish(StreamNumber stream) {
  Board& board = boards_[static_cast<std::size_t>(stream)];
  if (!board.writers.empty()) {
    board.floor =
        std::max(board.floor, std::ranges::min(board.writers, {}, &StreamPosition::Ahead::position).position);
  }
  // Rows of a writer that has left stay covered while the others catch up.
  std::erase_if(board.departed,
                [&board](const StreamPosition::Ahead& entry) { return entry.position <= board.floor; });
  if (board.writers.size() <= 1 && board.departed.empty()) {
    now_.set(stream, board.floor);
    return;
  }
  std::vector<StreamPosition::Ahead> ahead = board.writers;
  ahead.insert(ahead.end(), board.departed.begin(), board.departed.end());
  now_.set(stream, StreamPosition{board.floor, std::move(ahead)});
}

Token PositionBoard::now() const {
  const std::lock_guard lock{mutex_};
  return now_;
}

StreamPosition PositionBoard::position(StreamNumber stream) const {
  const std::lock_guard lock{mutex_};
  return now_.at(stream);
}

std::vector<WriterNumber> PositionBoard::writers(StreamNumber stream) const {
  const std::lock_guard lock{mutex_};
  std::vector<WriterNumber> writers;
  for (const StreamPosition::Ahead& writer : boards_[static_cast<std::size_t>(stream)].writers) {
    writers.push_back(writer.writer);
  }
  return writers;
}

bool PositionBoard::covers(StreamNumber stream, WriterNumber writer, std::int64_t position) const {
  const std::lock_guard lock{mutex_};
  return now_.covers(stream, writer, position);
}

Task<bool> PositionBoard::reached(StreamNumber stream, WriterNumber writer, std::int64_t position,
                                  SteadyTime deadline) {
  for (;;) {
    const std::uint64_t seen = advanced_.version();
    if (covers(stream, writer, position)) {
      co_return true;
    }
    const Wake wake = co_await advanced_.wait_beyond(seen, deadline);
    if (wake == Wake::kTimeout) {
      co_return covers(stream, writer, position);
    }
  }
}

}  // namespace lares::stream
