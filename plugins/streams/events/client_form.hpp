// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/stored_event.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares::events {

/// For whom events are put into client form.
struct Reader {
  std::string_view user_id;
  std::string_view transaction_scope;
  std::int64_t now_ts = 0;
};

/// Appends the client's form of an event with the `unsigned` of this reader: age, transaction_id,
/// prev_content, redacted_because.
///
/// `replaced` is the event that a state event took the place of, or null.
void append_client_form(std::string& out, const service::StoredEvent& event, const Reader& reader,
                        const matrix::Event* replaced, bool omit_room_id);

}  // namespace lares::events
