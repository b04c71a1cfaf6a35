// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lares::stream {

/// The streams whose positions stand in sync tokens. A number that was given is never given again, since
/// clients keep tokens for years.
enum class StreamNumber : std::uint8_t {
  kEvents = 1,
  kTyping = 2,
  kReceipts = 3,
  kAccountData = 4,
  kToDevice = 5,
  kPresence = 6,
  kPushRules = 7,
  kDeviceLists = 8,
  kThreadSubscriptions = 9,
  kUnPartialStatedRoom = 10,
  kStickyEvents = 11,
};

/// One more than the highest number above: the size of an array with a place for each stream.
inline constexpr std::size_t kStreamNumbers = 12;

/// The name on the replication wire and in `stream_writers`: "events", "typing" (inventory of streams).
[[nodiscard]] LARES_EXPORT std::string_view stream_name(StreamNumber number) noexcept;
[[nodiscard]] LARES_EXPORT std::optional<StreamNumber> stream_number(std::string_view name) noexcept;

/// A writer's number: its row in the table `writers`, given once for each instance name and never to another.
using WriterNumber = std::uint32_t;

}  // namespace lares::stream
