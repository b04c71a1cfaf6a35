// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/peers.hpp>

#include <string>

namespace lares::events {

/// The path between processes. The number in it is the version of the body.
inline constexpr const char* kWritePath = "/_lares/replication/v1/events/write";

/// Writes events by calling the process that has the room.
///
/// **Threads**: any.
class RemoteWriter {
 public:
  RemoteWriter(Server& server, stream::Hub& hub, stream::Peers& peers);

  Task<service::WriteResult> write(std::string instance, service::WriteRequest request);

 private:
  Server& server_;
  stream::Hub& hub_;
  stream::Peers& peers_;
};

/// The other end: the route by which a writer takes requests from its peers.
void add_write_route(Server& server, service::EventWriter& writer);

}  // namespace lares::events
