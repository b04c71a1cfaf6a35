// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lares::stream {

/// `RDATA <stream> <instance> <token> <row>`: a row that a writer committed. Without a token it belongs to
/// the next row that has one.
struct RdataCommand {
  std::string stream;
  std::string instance;
  std::optional<std::int64_t> token;
  std::string row;  ///< JSON
};

/// `POSITION <stream> <instance> <prev> <new>`: the writer wrote nothing between the two.
struct PositionCommand {
  std::string stream;
  std::string instance;
  std::int64_t previous = 0;
  std::int64_t current = 0;
};

/// `WRITERS <stream> <instance> <list>`: by which list of the stream's writers this one goes, the higher the
/// newer. Said before each of its positions; Lares' own, and what does not know it passes over it.
struct WritersCommand {
  std::string stream;
  std::string instance;
  std::int64_t list = 0;
};

/// `REPLICATE`: everyone announces where they stand.
struct ReplicateCommand {};

/// A command that this process has no use for, or that a newer release has added.
struct OtherCommand {
  std::string name;
  std::string arguments;
};

using Command = std::variant<RdataCommand, PositionCommand, WritersCommand, ReplicateCommand, OtherCommand>;

/// All commands that the wire has; whatever else comes is of another release.
inline constexpr std::array<std::string_view, 16> kCommandNames{
    "SERVER",        "RDATA",           "POSITION",        "ERROR",          "PING",    "NAME",
    "REPLICATE",     "USER_SYNC",       "CLEAR_USER_SYNC", "FEDERATION_ACK", "USER_IP", "REMOTE_SERVER_UP",
    "LOCK_RELEASED", "NEW_ACTIVE_TASK", "CANCEL_TASK",     "WRITERS"};
[[nodiscard]] LARES_EXPORT bool is_command_name(std::string_view name) noexcept;

/// Longest command that is read, in bytes: a row is an event's summary at most.
inline constexpr std::size_t kLongestCommand = 1U << 20U;

/// Reads a command, which is UTF-8 without control characters. **Errors**: a sentence for the log and for who
/// has sent it.
[[nodiscard]] LARES_EXPORT std::expected<Command, std::string> parse_command(std::string_view line);

[[nodiscard]] LARES_EXPORT std::string format_rdata(std::string_view stream, std::string_view instance,
                                                    std::optional<std::int64_t> token, std::string_view row);
[[nodiscard]] LARES_EXPORT std::string format_position(std::string_view stream, std::string_view instance,
                                                       std::int64_t previous, std::int64_t current);
[[nodiscard]] LARES_EXPORT std::string format_writers(std::string_view stream, std::string_view instance,
                                                      std::int64_t list);

}  // namespace lares::stream
