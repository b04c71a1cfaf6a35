// SPDX-License-Identifier: Apache-2.0
#include <lares/base/time.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace lares {

namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kDay = 24 * 60 * 60 * kSecond;
/// Largest first, so that the first that divides is the shortest way to write a duration.
constexpr std::array<Unit, 7> kDurationUnits{{{"y", 365 * kDay},
                                              {"w", 7 * kDay},
                                              {"d", kDay},
                                              {"h", 60 * 60 * kSecond},
                                              {"m", 60 * kSecond},
                                              {"s", kSecond},
                                              {"ms", 1}}};
constexpr std::array<Unit, 8> kSizeUnits{{{"T", std::uint64_t{1} << 40U},
                                          {"G", std::uint64_t{1} << 30U},
                                          {"M", std::uint64_t{1} << 20U},
                                          {"K", std::uint64_t{1} << 10U},
                                          {"TiB", std::uint64_t{1} << 40U},
                                          {"GiB", std::uint64_t{1} << 30U},
                                          {"MiB", std::uint64_t{1} << 20U},
                                          {"KiB", std::uint64_t{1} << 10U}}};

/// A number with one of the units, or without one; nothing when it is neither, or too large.
template <class Units>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const Units& units) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  std::uint64_t factor = suffix.empty() ? 1 : 0;
  for (const Unit& unit : units) {
    if (unit.suffix == suffix) {
      factor = unit.factor;
    }
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (factor == 0 || number > kMost / factor) {
    return std::nullopt;
  }
  return number * factor;
}

}  // namespace

std::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text) {
  const std::optional<std::uint64_t> ms = parse_with_unit(text, kDurationUnits);
  if (!ms) {
    return std::unexpected{
        fmt::format("'{}' is not a duration; expected a number of milliseconds, or a number with ms, s, m, "
                    "h, d, w or y, such as 5m",
                    text)};
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(*ms)};
}

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_with_unit(text, kSizeUnits);
  if (!bytes) {
    return std::unexpected{
        fmt::format("'{}' is not a size; expected a number of bytes, or a number with K, M, G, T, KiB, MiB, "
                    "GiB or TiB, such as 50M",
                    text)};
  }
  return *bytes;
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = static_cast<std::uint64_t>(duration.count());
  if (ms != 0) {
    for (const Unit& unit : kDurationUnits) {
      if (ms % unit.factor == 0) {
        return fmt::format("{}{}", ms / unit.factor, unit.suffix);
      }
    }
  }
  return "0";
}

std::string format_size(std::uint64_t bytes) {
  if (bytes != 0) {
    for (const Unit& unit : kSizeUnits) {
      if (bytes % unit.factor == 0) {
        return fmt::format("{}{}", bytes / unit.factor, unit.suffix);
      }
    }
  }
  return fmt::format("{}", bytes);
}

std::string format_iso8601(std::int64_t unix_ms) {
  namespace chr = std::chrono;
  const chr::sys_time<chr::milliseconds> at{chr::milliseconds{unix_ms}};
  const auto day = chr::floor<chr::days>(at);
  const chr::year_month_day date{day};
  const chr::hh_mm_ss time{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace lares
