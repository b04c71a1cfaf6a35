// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/client.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/stream/hub.hpp>

#include <string>

namespace lares::events {

/// The path between processes. The number in it is the version of the body.
inline constexpr const char* kWritePath = "/_lares/replication/v1/events/write";

/// Writes events by calling the process that has the rooms.
///
/// **Threads**: any.
class RemoteWriter final : public service::EventWriter {
 public:
  RemoteWriter(Server& server, stream::Hub& hub, std::string instance);

  Task<service::WriteResult> write(service::WriteRequest request) override;
  Task<void> stop() noexcept { return client_.stop(); }

 private:
  Server& server_;
  stream::Hub& hub_;
  std::string instance_;
  http::Client client_;
};

/// The other end: the route by which a writer takes requests from its peers.
void add_write_route(Server& server, service::EventWriter& writer);

}  // namespace lares::events
