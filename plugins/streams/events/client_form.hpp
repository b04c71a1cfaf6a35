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
  bool federation = false;  ///< the reader wants events as servers send them
};

/// What is said beside an event, of its surroundings.
struct Beside {
  const matrix::Event* replaced = nullptr;  ///< the event that a state event took the place of
  std::string_view membership = {};         ///< the reader's when it was sent
  std::string_view relations = {};          ///< the object of `m.relations` as JSON
};

/// Appends the client's form of an event with the `unsigned` of this reader: age, transaction_id,
/// prev_content, redacted_because, membership, m.relations.
void append_client_form(std::string& out, const service::StoredEvent& event, const Reader& reader,
                        const Beside& beside, bool omit_room_id);

}  // namespace lares::events
