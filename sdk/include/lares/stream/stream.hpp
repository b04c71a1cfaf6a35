// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
/// **Threads**: the hub calls `apply` of one stream from one strand, in order; `updates` from any thread.
class LARES_EXPORT Stream {
 public:
  static constexpr std::string_view kServiceId = "lares.stream/1";
  virtual ~Stream();

  /// The name on the wire. Streams without a place in tokens ("caches", "backfill") have no StreamNumber.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Where every writer stands by the database, asked at start: the highest position that is certainly
  /// complete. A stream in memory answers with its incarnation's beginning.
  virtual Task<std::vector<std::pair<WriterNumber, std::int64_t>>> positions() = 0;

  /// Takes rows that another process wrote: drops what they make stale from caches, then wakes whom they
  /// concern. Their position counts as reached when this returns.
  virtual Task<void> apply(WriterNumber writer, std::span<const Row> rows, std::int64_t upto) = 0;

  /// Rows of `writer` in (from, to], from where they are kept: the database, or the writer's memory.
  virtual Task<Updates> updates(WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) = 0;
};

}  // namespace lares::stream
