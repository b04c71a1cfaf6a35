// SPDX-License-Identifier: Apache-2.0
#include "client_form.hpp"

#include <lares/json/writer.hpp>
#include <lares/matrix/client_event.hpp>
#include <lares/service/event_writer.hpp>

#include <algorithm>

namespace lares::events {

void append_client_form(std::string& out, const service::StoredEvent& event, const Reader& reader,
                        const Beside& beside, bool omit_room_id) {
  const matrix::Event* const replaced = beside.replaced;
  std::string unsigned_json;
  json::Writer writer{unsigned_json};
  writer.begin_object();
  writer.key("age").value(std::max<std::int64_t>(0, reader.now_ts - event.event->origin_server_ts()));
  if (!beside.relations.empty()) {
    writer.key("m.relations").raw(beside.relations);
  }
  if (!beside.membership.empty()) {
    writer.key("membership").value(beside.membership);
  }
  if (replaced != nullptr) {
    writer.key("prev_content").raw(replaced->content().bytes());
    writer.key("prev_sender").value(replaced->sender());
  }
  if (event.redacted_because) {
    std::string because;
    matrix::append_client_event(because, *event.redacted_because, {});
    writer.key("redacted_because").raw(because);
    writer.key("redacted_by").value(event.redacted_because->event_id());
  }
  if (replaced != nullptr) {
    writer.key("replaces_state").value(replaced->event_id());
  }
  if (!event.transaction_id.empty() && event.transaction_scope == reader.transaction_scope) {
    std::string_view id = event.transaction_id;
    if (id.starts_with(service::TransactionKey::kOtherEndpoint)) {
      id.remove_prefix(1);
    }
    writer.key("transaction_id").value(id);
  }
  writer.end_object();
  matrix::append_client_event(
      out, *event.event,
      {.unsigned_json = unsigned_json, .omit_room_id = omit_room_id, .federation = reader.federation});
}

}  // namespace lares::events
