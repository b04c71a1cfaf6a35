// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/requester.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::service {

/// An event that a local user wants to be sent. Its place in the graph, its authorisation and its signature
/// are the writer's work.
struct NewEvent {
  std::string type;
  std::optional<std::string> state_key;
  matrix::UserId sender;
  std::string content = "{}";          ///< a JSON object, any form
  std::optional<std::string> redacts;  ///< of m.room.redaction
  std::int64_t origin_server_ts = 0;   ///< milliseconds since the epoch; 0 for the moment of writing
};

/// What makes a retried request find the first one's event: unique among the transactions of one scope in one
/// room. spec: Client-Server API, "Transaction identifiers"
struct TransactionKey {
  /// Begins the id where another endpoint than that of messages was asked, whose ids are its own. No id of a
  /// client has it.
  static constexpr char kOtherEndpoint = '\0';

  std::string scope;  ///< see transaction_scope
  std::string id;     ///< the client's
};

/// The scope of a requester's transaction ids: the device, or the access token where there is none.
[[nodiscard]] LARES_EXPORT std::string transaction_scope(const http::Requester& requester);

/// Events for one room, written all or none.
struct WriteRequest {
  std::optional<matrix::RoomId> room;         ///< absent to create one: the first event is then m.room.create
  std::string room_version;                   ///< with creation
  std::vector<NewEvent> events;               ///< 1 to 100
  std::optional<TransactionKey> transaction;  ///< with one event
  bool return_existing_state = true;          ///< a state event equal to the one in force is not sent again
  bool only_while_joined = false;             ///< forbidden where the sender is not in the room any more
};

/// What was written. The position is the caller's to wait for before it answers (Hub::reached).
struct WriteResult {
  matrix::RoomId room;
  std::vector<matrix::EventId> events;  ///< in the order of the request
  stream::WriterNumber writer = 0;
  std::int64_t position = 0;
};

/// Writes events into rooms. The host gives the room's own writer, or a proxy to the process that has it; the
/// caller cannot tell which.
///
/// **Threads**: any. **Cancellation**: none once called; a write goes through.
class LARES_EXPORT EventWriter {
 public:
  static constexpr std::string_view kServiceId = "lares.event-writer/1";
  virtual ~EventWriter();

  /// Returns after the commit, and after this process has applied it.
  /// **Errors**: MatrixError: 403 M_FORBIDDEN with the rule in words, 404 for a room unknown here, 400
  /// M_TOO_LARGE and M_BAD_JSON for what is no event, 429 M_LIMIT_EXCEEDED when the room's queue is full, 503
  /// when the database is away.
  virtual Task<WriteResult> write(WriteRequest request) = 0;
};

}  // namespace lares::service
