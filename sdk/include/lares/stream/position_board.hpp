// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/base/time.hpp>
#include <lares/stream/token.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

namespace lares::stream {

/// Where each writer of each stream stands, as far as this process has applied it.
///
/// A stream's minimum is the lowest position of its present writers: below it nothing is missing. Positions
/// never go back.
///
/// **Threads**: any.
class LARES_EXPORT PositionBoard {
 public:
  /// Everything up to `position` is complete, whoever wrote it: what the database says when the process
  /// starts.
  void set_floor(StreamNumber stream, std::int64_t position);
  /// A process that writes the stream from now on. Until it is heard of, it stands at the floor.
  void add_writer(StreamNumber stream, WriterNumber writer);
  void remove_writer(StreamNumber stream, WriterNumber writer);
  /// `writer` has nothing open at or below `position`, and its rows up to there are applied here.
  void advance(StreamNumber stream, WriterNumber writer, std::int64_t position);

  [[nodiscard]] Token now() const;
  [[nodiscard]] StreamPosition position(StreamNumber stream) const;
  [[nodiscard]] std::vector<WriterNumber> writers(StreamNumber stream) const;
  [[nodiscard]] bool covers(StreamNumber stream, WriterNumber writer, std::int64_t position) const;

  /// Waits until the position is covered; false at the deadline. **Cancellation** throws operation_aborted.
  Task<bool> reached(StreamNumber stream, WriterNumber writer, std::int64_t position, SteadyTime deadline);

 private:
  struct Board {
    std::int64_t floor = 0;
    std::vector<StreamPosition::Ahead> writers;   // the present ones
    std::vector<StreamPosition::Ahead> departed;  // those above the floor
  };
  void publish(StreamNumber stream);

  mutable std::mutex mutex_;
  std::array<Board, kStreamNumbers> boards_;
  Token now_;
  Notification advanced_;
};

}  // namespace lares::stream
