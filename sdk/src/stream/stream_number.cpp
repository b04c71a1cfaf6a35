// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/stream_number.hpp>

#include <algorithm>

namespace lares::stream {

namespace {
constexpr std::array<std::string_view, kStreamNumbers> kNames{"",
                                                              "events",
                                                              "typing",
                                                              "receipts",
                                                              "account_data",
                                                              "to_device",
                                                              "presence",
                                                              "push_rules",
                                                              "device_lists",
                                                              "thread_subscriptions",
                                                              "un_partial_stated_room",
                                                              "sticky_events"};
}  // namespace

std::string_view stream_name(StreamNumber number) noexcept {
  return kNames[static_cast<std::size_t>(number)];
}

std::optional<StreamNumber> stream_number(std::string_view name) noexcept {
  const auto found = std::ranges::find(kNames.begin() + 1, kNames.end(), name);
  return found == kNames.end() ? std::nullopt
                               : std::optional{static_cast<StreamNumber>(found - kNames.begin())};
}

}  // namespace lares::stream
