// SPDX-License-Identifier: Apache-2.0
#include <lares/service/rooms.hpp>

#include <charconv>

namespace lares::service {

RoomView::~RoomView() = default;
Rooms::~Rooms() = default;

std::string HistoryPlace::text() const {
  return "h" + std::to_string(depth) + "-" + std::to_string(position);
}

std::optional<HistoryPlace> HistoryPlace::parse(std::string_view text) {
  HistoryPlace place;
  if (text.size() > 64 || !text.starts_with('h')) {
    return std::nullopt;
  }
  text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto depth = std::from_chars(text.data(), end, place.depth);
  if (depth.ec != std::errc{} || depth.ptr == end || *depth.ptr != '-') {
    return std::nullopt;
  }
  const auto position = std::from_chars(depth.ptr + 1, end, place.position);
  if (position.ec != std::errc{} || position.ptr != end || place.depth < 0) {
    return std::nullopt;
  }
  return place;
}

}  // namespace lares::service
