// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/event.hpp>

#include <string>
#include <string_view>

namespace lares::matrix {

/// How an event is shown to a client.
struct ClientFormat {
  /// The `unsigned` object in JSON, made for this reader; left out when empty.
  std::string_view unsigned_json;
  /// Leave `room_id` out, as /sync does.
  bool omit_room_id = false;
  /// Only what stripped state has: type, state_key, sender, content.
  bool stripped = false;
  /// Everything that the event has in federation, and its ids.
  bool federation = false;
};

/// Appends the event in client form: `event_id` and `room_id` added; hashes, signatures and the fields of the
/// graph left out; `redacts` both at the top level and in the content of a redaction, whichever place its
/// version uses.
///
/// Everything is copied from the event's bytes in ranges; nothing is parsed.
///
/// spec: Client-Server API, "Room event format"; "Stripped state"
LARES_EXPORT void append_client_event(std::string& out, const Event& event, const ClientFormat& format = {});

}  // namespace lares::matrix
