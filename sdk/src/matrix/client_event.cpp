// SPDX-License-Identifier: Apache-2.0
#include "event_access.hpp"

#include <lares/json/writer.hpp>
#include <lares/matrix/client_event.hpp>

namespace lares::matrix {

namespace {

/// A member whose text is copied with its quotes when it stands in the event's bytes.
void append_text(std::string& out, const Event& event, std::string_view name, std::string_view text) {
  out += name;
  if (EventAccess::in_bytes(event, text)) {
    out += '"';
    out += text;
    out += '"';
  } else {
    json::append_string(out, text);
  }
}

void append_content(std::string& out, const Event& event) {
  const json::Value content = event.content();
  const auto redacts = event.redacts();
  if (!redacts || event.version().redacts_in_content || content["redacts"]) {
    out += content.bytes();
    return;
  }
  json::Writer writer{out};
  writer.begin_object();
  bool written = false;
  std::string scratch;
  for (const json::Member& member : content.members()) {
    if (!written && member.key.text(scratch) > "redacts") {
      writer.key("redacts").value(*redacts);
      written = true;
    }
    writer.raw_member(member.bytes);
  }
  if (!written) {
    writer.key("redacts").value(*redacts);
  }
  writer.end_object();
}

void append_federation_event(std::string& out, const Event& event, std::string_view unsigned_json) {
  json::Writer writer{out};
  writer.begin_object();
  writer.key("event_id").value(event.event_id());
  writer.key("room_id").value(event.room_id());
  for (const json::Member& member : json::Value{event.bytes()}.members()) {
    if (!member.key.equals("event_id") && !member.key.equals("room_id") && !member.key.equals("unsigned")) {
      writer.raw_member(member.bytes);
    }
  }
  if (!unsigned_json.empty()) {
    writer.key("unsigned").raw(unsigned_json);
  }
  writer.end_object();
}

}  // namespace

void append_client_event(std::string& out, const Event& event, const ClientFormat& format) {
  if (format.federation) {
    append_federation_event(out, event, format.unsigned_json);
    return;
  }
  out.reserve(out.size() + event.content().bytes().size() + format.unsigned_json.size() + 512);
  out += "{\"content\":";
  append_content(out, event);
  if (!format.stripped) {
    append_text(out, event, ",\"event_id\":", event.event_id());
    out += ",\"origin_server_ts\":";
    json::append_int(out, event.origin_server_ts());
    if (const auto redacts = event.redacts()) {
      append_text(out, event, ",\"redacts\":", *redacts);
    }
    if (!format.omit_room_id) {
      append_text(out, event, ",\"room_id\":", event.room_id());
    }
  }
  append_text(out, event, ",\"sender\":", event.sender());
  if (const auto state_key = event.state_key()) {
    append_text(out, event, ",\"state_key\":", *state_key);
  }
  append_text(out, event, ",\"type\":", event.type());
  if (!format.stripped && !format.unsigned_json.empty()) {
    out += ",\"unsigned\":";
    out += format.unsigned_json;
  }
  out += '}';
}

}  // namespace lares::matrix
