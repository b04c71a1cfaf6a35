// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/hash.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace lares::stream {

std::vector<std::string> stream_writers(const Config& config, std::string_view stream) {
  std::vector<std::string> writers = config.strings("stream_writers." + std::string{stream});
  for (std::string& writer : writers) {
    if (writer == "main") {
      writer = kMainInstance;
    }
  }
  if (writers.empty()) {
    writers.emplace_back(kMainInstance);
  }
  return writers;
}

bool writes_stream(const Config& config, std::string_view stream, std::string_view instance) {
  const std::vector<std::string> writers = stream_writers(config, stream);
  return std::ranges::find(writers, instance) != writers.end();
}

std::size_t shard_of(std::string_view key) noexcept {
  // The reference's hash, a little-endian number, modulo 256.
  return static_cast<std::uint8_t>(crypto::sha256(key)[0]);
}

ShardMap::ShardMap(const Config& config, std::string_view stream, std::string instance)
    : instance_(std::move(instance)),
      writers_(stream_writers(config, stream)),
      alone_(writers_.size() == 1 && writers_.front() == instance_) {}

std::optional<http::Endpoint> instance_endpoint(const Config& config, std::string_view instance) {
  const nlohmann::json& map = config.get("instance_map");
  auto found = map.find(std::string{instance});
  if (found == map.end() && instance == kMainInstance) {
    found = map.find("main");
  }
  if (found == map.end() || !found->is_object()) {
    return std::nullopt;
  }
  http::Endpoint endpoint;
  if (const auto path = found->find("path"); path != found->end() && path->is_string()) {
    endpoint.unix_path = path->get<std::string>();
  } else {
    if (const auto host = found->find("host"); host != found->end() && host->is_string()) {
      endpoint.host = host->get<std::string>();
    }
    if (const auto port = found->find("port"); port != found->end() && port->is_number_integer()) {
      endpoint.port = port->get<std::uint16_t>();
    }
  }
  if (const auto tls = found->find("tls"); tls != found->end() && tls->is_boolean()) {
    endpoint.tls = tls->get<bool>();
  }
  return endpoint;
}

bool has_other_processes(const Config& config) {
  return !config.get("instance_map").empty() || config.boolean("redis.enabled") ||
         std::ranges::any_of(config.get("listeners"), [](const nlohmann::json& listener) {
           return listener.value("type", nlohmann::json{}) == "replication";
         });
}

}  // namespace lares::stream
