// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/stream/stream_number.hpp>
#include <lares/stream/token.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {
class Database;
}

namespace lares::stream {

/// A row as it travels: its position and its JSON array (`RDATA`).
struct Row {
  std::int64_t position = 0;
  std::string json;
};

/// Rows of one writer between two positions.
struct Updates {
  std::vector<Row> rows;
  std::int64_t upto = 0;  ///< everything up to here is in `rows`
  bool limited = false;   ///< ask again from `upto`
};

/// The reading side of a stream, in every process. A stream plugin joins its own to the registry
/// (`services.join<stream::Stream>(*this)`), and the hub drives it.
///
/// **Threads**: `apply` and `wake` of one stream are called by turns, in order: those for other processes'
/// rows on the first loop, those for rows of this process on the writer's; `updates` from any thread.
class LARES_EXPORT Stream {
 public:
  static constexpr std::string_view kServiceId = "lares.stream/1";
  virtual ~Stream();

  /// The name on the wire. Streams without a place in tokens ("caches", "backfill") have no StreamNumber.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Whether its rows are kept by their writer alone, and end with it.
  [[nodiscard]] virtual bool in_memory() const noexcept { return false; }

  /// The highest position that any writer has drawn: whoever has nothing open will only come to higher ones.
  /// By default what Hub::draw has given; a stream in memory gives Hub::memory_start.
  virtual Task<std::int64_t> present(storage::Database& database);

  /// The last position that each writer has committed, as far as it is beyond `here`. Nothing by default: of
  /// a stream that draws its positions from the hub, the hub knows.
  virtual Task<std::vector<StreamPosition::Ahead>> committed_beyond(storage::Database& database,
                                                                    StreamPosition here);

  /// Takes rows up: drops or changes what they make stale in caches. Their position counts as reached when
  /// this returns. Called for what this process wrote, too, where the stream has a StreamWriter.
  virtual Task<void> apply(WriterNumber writer, std::span<const Row> rows, std::int64_t upto) = 0;
  /// The position of what was applied last is reached: wakes whom the rows concern.
  virtual void wake(WriterNumber writer, std::span<const Row> rows, std::int64_t upto) = 0;

  /// Rows of `writer` in (from, to], from where they are kept: the database, or the writer's memory.
  virtual Task<Updates> updates(WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) = 0;
};

}  // namespace lares::stream
