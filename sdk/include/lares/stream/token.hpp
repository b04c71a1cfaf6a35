// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/stream/stream_number.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace lares::stream {

/// How far a reader has come in a stream with several writers: everything up to `minimum`, and of the writers
/// that are ahead of it everything up to theirs.
class LARES_EXPORT StreamPosition {
 public:
  struct Ahead {
    WriterNumber writer = 0;
    std::int64_t position = 0;
    bool operator==(const Ahead&) const = default;
  };

  StreamPosition() = default;
  explicit StreamPosition(std::int64_t minimum) : minimum_(minimum) {}
  /// `ahead` need not be sorted; entries at or below the minimum are dropped.
  StreamPosition(std::int64_t minimum, std::vector<Ahead> ahead);

  [[nodiscard]] std::int64_t minimum() const noexcept { return minimum_; }
  /// The highest position of any writer.
  [[nodiscard]] std::int64_t maximum() const noexcept;
  /// How far the rows of this writer are covered. A writer that is not named counts as the minimum.
  [[nodiscard]] std::int64_t of(WriterNumber writer) const noexcept;
  [[nodiscard]] bool covers(WriterNumber writer, std::int64_t position) const noexcept {
    return position <= minimum_ || position <= of(writer);
  }
  /// Whether it covers all that another position covers.
  [[nodiscard]] bool reaches(const StreamPosition& other) const noexcept;
  [[nodiscard]] const std::vector<Ahead>& ahead() const noexcept { return ahead_; }  ///< sorted by writer
  bool operator==(const StreamPosition&) const = default;

 private:
  std::int64_t minimum_ = 0;
  std::vector<Ahead> ahead_;
};

/// A place in all streams at once: what /sync gives as `next_batch` and takes as `since`.
///
/// The text is `1` (the format's version), then for each stream that is not at zero `.NUMBER-POSITION`, and
/// for each writer ahead of it `~WRITER-POSITION`: `1.1-1234~3-1240.5-77`. Nothing in it is secret and
/// nothing in it is trusted: positions beyond the present are cut by who reads it.
///
/// spec: Client-Server API, "Syncing"
class LARES_EXPORT Token {
 public:
  /// The beginning of every stream.
  Token() = default;

  /// **Errors**: the sentence for the client's M_INVALID_PARAM. Bounded: 1 KiB, 64 writers
  /// ahead.
  [[nodiscard]] static std::expected<Token, std::string_view> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  void append_to(std::string& out) const;

  [[nodiscard]] std::int64_t minimum(StreamNumber stream) const noexcept {
    return minima_[static_cast<std::size_t>(stream)];
  }
  [[nodiscard]] StreamPosition at(StreamNumber stream) const;
  [[nodiscard]] bool covers(StreamNumber stream, WriterNumber writer, std::int64_t position) const noexcept;

  void set(StreamNumber stream, std::int64_t position);
  void set(StreamNumber stream, const StreamPosition& position);

  /// The token cut to `present`, stream by stream: what is left of one that is ahead of the database after a
  /// backup was restored. True in `cut` if something was cut.
  [[nodiscard]] Token limited_to(const Token& present, bool& cut) const;

  /// Covers what either of the two covers: what a client has seen that came with `left` to a process that
  /// stood at `right`, which may be behind in one writer and ahead in another.
  [[nodiscard]] static Token later_of(const Token& left, const Token& right);

  bool operator==(const Token&) const = default;

 private:
  struct Entry {
    StreamNumber stream{};
    StreamPosition::Ahead ahead;
    bool operator==(const Entry&) const = default;
  };
  std::array<std::int64_t, kStreamNumbers> minima_{};
  std::vector<Entry> ahead_;  // sorted by stream, then writer
};

}  // namespace lares::stream
