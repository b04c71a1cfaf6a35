// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/settings.hpp>

#include <lares/plugin/config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lares {
class Declarations;
}

namespace lares::http {

/// An entry of `listeners` or `worker_listeners`.
struct ListenerConfig {
  std::string name;  ///< "listeners[1]", for messages
  std::string type = "http";
  std::uint16_t port = 0;
  std::vector<std::string> bind_addresses;
  std::string path;  ///< of a unix socket; then there is neither port nor address
  unsigned mode = 0666;
  bool tls = false;
  std::string certificate_path;
  std::string key_path;
  bool x_forwarded = false;
  std::string request_id_header;
  std::string tag;
  std::vector<std::string> resources;
  std::vector<std::string> compressed;
};

/// The listeners of this process. `main` is the main process, which reads `listeners`; others read
/// `worker_listeners`.
/// **Errors**: StartError with the entry and what is wrong with it.
[[nodiscard]] std::vector<ListenerConfig> read_listeners(const Config& config, bool main);

[[nodiscard]] Limits read_limits(const Config& config);

/// The `http.` keys whose limits differ.
[[nodiscard]] std::vector<std::string> changed_limits(const Limits& before, const Limits& after);

/// Declares the `http.` keys.
void declare_limits(Declarations& declarations);

}  // namespace lares::http
