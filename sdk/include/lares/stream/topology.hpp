// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/http/client.hpp>
#include <lares/plugin/config.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::stream {

/// Name of the main process among the instances.
inline constexpr std::string_view kMainInstance = "master";

/// The instances that write a stream, as `stream_writers` says; the main process where it says nothing.
[[nodiscard]] LARES_EXPORT std::vector<std::string> stream_writers(const Config& config,
                                                                   std::string_view stream);

/// Whether this instance is one of them.
[[nodiscard]] LARES_EXPORT bool writes_stream(const Config& config, std::string_view stream,
                                              std::string_view instance);

/// Rooms and users fall into so many shards, by the hash of their id: the same for ever.
inline constexpr std::size_t kShards = 256;
[[nodiscard]] LARES_EXPORT std::size_t shard_of(std::string_view key) noexcept;

/// The instance that writes a stream for this key (a room or a user): the same in every process with the same
/// `stream_writers`.
[[nodiscard]] LARES_EXPORT std::string writer_of(const Config& config, std::string_view stream,
                                                 std::string_view key);

/// Where an instance listens for the other processes; nothing for one that `instance_map` does not name.
[[nodiscard]] LARES_EXPORT std::optional<http::Endpoint> instance_endpoint(const Config& config,
                                                                           std::string_view instance);

/// Whether other processes may share this server: what one of them commits the others' caches must hear of.
[[nodiscard]] LARES_EXPORT bool has_other_processes(const Config& config);

}  // namespace lares::stream
