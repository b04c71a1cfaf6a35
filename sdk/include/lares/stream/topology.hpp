// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/http/client.hpp>
#include <lares/plugin/config.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstddef>
#include <cstdint>
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

/// Which instance writes a stream for which key (a room or a user): the same in every process with the same
/// `stream_writers`, and the same for the life of the process.
///
/// **Threads**: any; it never changes.
class LARES_EXPORT ShardMap {
 public:
  ShardMap(const Config& config, std::string_view stream, std::string instance);

  [[nodiscard]] const std::string& writer_of(std::string_view key) const noexcept {
    return writer_of_shard(shard_of(key));
  }
  [[nodiscard]] const std::string& writer_of_shard(std::size_t shard) const noexcept {
    return writers_[shard % writers_.size()];
  }
  [[nodiscard]] bool mine(std::string_view key) const noexcept {
    return writers_.size() == 1 ? alone_ : writer_of(key) == instance_;
  }

 private:
  std::string instance_;
  std::vector<std::string> writers_;
  bool alone_;
};

/// Where an instance listens for the other processes; nothing for one that `instance_map` does not name.
[[nodiscard]] LARES_EXPORT std::optional<http::Endpoint> instance_endpoint(const Config& config,
                                                                           std::string_view instance);

/// Whether other processes may share this server: what one of them commits the others' caches must hear of.
[[nodiscard]] LARES_EXPORT bool has_other_processes(const Config& config);

}  // namespace lares::stream
