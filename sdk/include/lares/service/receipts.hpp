// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/requester.hpp>
#include <lares/matrix/identifiers.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace lares::service {

/// How far a user has read a room, public and private receipts alike: positions of events in the stream of
/// events, 0 where there is no receipt.
struct ReadMarks {
  std::int64_t unthreaded = 0;                   ///< everything up to there, in all threads
  std::int64_t main = 0;                         ///< the main timeline (`thread_id: "main"`)
  std::map<std::int64_t, std::int64_t> threads;  ///< by number of the thread's root
  bool operator==(const ReadMarks&) const = default;
};

/// Read receipts of local users, for unread counts and push.
///
/// spec: Client-Server API, "Receipts"
/// **Threads**: any.
class LARES_EXPORT Receipts {
 public:
  static constexpr std::string_view kServiceId = "lares.receipts/1";
  virtual ~Receipts();

  /// Never null.
  virtual Task<std::shared_ptr<const ReadMarks>> read_marks(std::int64_t user, std::int64_t room) = 0;
};

/// Where a user stopped reading a room, as the user sees it in the client (`m.fully_read`). Provided by
/// account data, where it is kept.
///
/// spec: Client-Server API, "Fully read markers"
/// **Threads**: any.
class LARES_EXPORT ReadMarker {
 public:
  static constexpr std::string_view kServiceId = "lares.read-marker/1";
  virtual ~ReadMarker();

  /// Moves the marker to an event of the room; never back.
  /// **Errors**: MatrixError: those of writing a stream. **Cancellation**: none once called.
  virtual Task<void> fully_read(const http::Requester& requester, matrix::RoomId room,
                                std::int64_t room_number, std::string event_id,
                                std::int64_t event_position) = 0;
};

}  // namespace lares::service
