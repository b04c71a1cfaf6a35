// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/client.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/peers.hpp>

#include <string>

#include "hub_metrics.hpp"

namespace lares::hub {

/// See stream::Peers.
class HttpPeers final : public stream::Peers {
 public:
  explicit HttpPeers(Server& server);

  Task<nlohmann::json> call(std::string instance, std::string path, nlohmann::json body,
                            stream::Repeat repeat) override;
  Task<void> stop() noexcept { return client_.stop(); }

 private:
  Server& server_;
  http::Client client_;
  PeerMetrics metrics_;
};

}  // namespace lares::hub
