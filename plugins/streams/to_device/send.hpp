// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/stream_writer.hpp>

#include "change.hpp"

namespace lares::to_device {

/// PUT /sendToDevice/{eventType}/{txnId}: takes messages for devices of this server's users, once for each
/// transaction id of a device.
///
/// spec: Client-Server API, "Send-to-Device messaging"
class Send {
 public:
  /// (user, device) pairs in one request, `*` counted as what it stands for.
  static constexpr std::size_t kMostMessages = 5'000;
  /// Users and devices that one request names, there are such or not.
  static constexpr std::size_t kMostNames = 20'000;
  /// Bytes of one content.
  static constexpr std::size_t kLargestContent = 65'536;
  /// Bytes of a request's body.
  static constexpr std::uint64_t kLargestBody = 16U << 20U;
  /// Bytes of an event type and of a transaction id.
  static constexpr std::size_t kLongestName = 255;

  Send(Server& server, stream::StreamWriter<Change>& writer);

 private:
  Task<http::Response> put(const http::Requester& requester, http::Request& request);
  Task<void> add_user(Change& change, const std::string& user_id, json::Value by_device,
                      const std::string& head, const std::string& tail);

  Server& server_;
  stream::StreamWriter<Change>& writer_;
  log::Logger log_{"lares.to_device"};
};

}  // namespace lares::to_device
