// SPDX-License-Identifier: Apache-2.0
#include <lares/service/event_sink.hpp>
#include <lares/service/event_writer.hpp>

namespace lares::service {

EventWriter::~EventWriter() = default;
EventSink::~EventSink() = default;

std::string transaction_scope(const http::Requester& requester) {
  std::string scope = requester.user().str();
  // A user id has no space, so that no user can pose as another's device.
  scope += ' ';
  if (requester.device_id()) {
    scope += *requester.device_id();
  } else {
    scope += "token ";
    scope += std::to_string(requester.account().token_id);
  }
  return scope;
}

}  // namespace lares::service
