// SPDX-License-Identifier: Apache-2.0
#include "serialise.hpp"

#include <lares/json/writer.hpp>

#include <vector>

namespace lares::sync {

namespace {

using json::Writer;

void write_events(Writer& writer, std::string_view key, const std::vector<std::string>& events) {
  writer.key(key).begin_object().key("events").begin_array();
  for (const std::string& event : events) {
    writer.raw(event);
  }
  writer.end_array().end_object();
}

void write_timeline(Writer& writer, const std::vector<std::string>& events, bool limited,
                    const std::string& prev_batch) {
  writer.key("timeline").begin_object().key("events").begin_array();
  for (const std::string& event : events) {
    writer.raw(event);
  }
  writer.end_array().key("limited").value(limited);
  if (!prev_batch.empty()) {
    writer.key("prev_batch").value(prev_batch);
  }
  writer.end_object();
}

void write_counts(Writer& writer, std::int64_t notifications, std::int64_t highlights) {
  writer.begin_object();
  writer.key("highlight_count").value(highlights);
  writer.key("notification_count").value(notifications);
  writer.end_object();
}

void write_joined(Writer& writer, const service::JoinedRoomSync& room, std::string_view state_section) {
  writer.key(room.room_id).begin_object();
  write_events(writer, "account_data", room.account_data);
  write_events(writer, "ephemeral", room.ephemeral);
  write_events(writer, state_section, room.state);
  if (room.summary) {
    writer.key("summary").raw(*room.summary);
  }
  write_timeline(writer, room.timeline, room.limited, room.prev_batch);
  writer.key("unread_notifications");
  write_counts(writer, room.notification_count.value_or(0), room.highlight_count.value_or(0));
  if (!room.thread_counts.empty()) {
    writer.key("unread_thread_notifications").begin_object();
    for (const auto& [root, counts] : room.thread_counts) {
      writer.key(root);
      write_counts(writer, counts.first, counts.second);
    }
    writer.end_object();
  }
  writer.end_object();
}

void write_left(Writer& writer, const service::LeftRoomSync& room, std::string_view state_section) {
  writer.key(room.room_id).begin_object();
  write_events(writer, "account_data", room.account_data);
  write_events(writer, state_section, room.state);
  write_timeline(writer, room.timeline, room.limited, room.prev_batch);
  writer.end_object();
}

void write_stripped(Writer& writer, std::string_view section, std::string_view state,
                    const std::vector<std::pair<std::string, std::vector<std::string>>>& rooms) {
  if (rooms.empty()) {
    return;
  }
  writer.key(section).begin_object();
  for (const auto& [room_id, events] : rooms) {
    writer.key(room_id).begin_object();
    write_events(writer, state, events);
    writer.end_object();
  }
  writer.end_object();
}

void write_ids(Writer& writer, std::string_view key, const std::vector<std::string>& ids) {
  writer.key(key).begin_array();
  for (const std::string& id : ids) {
    writer.value(id);
  }
  writer.end_array();
}

std::size_t size_of(const service::SyncResponse& response) {
  std::size_t size = 1024;
  for (const service::JoinedRoomSync& room : response.joined) {
    size += 512;
    for (const auto* list : {&room.timeline, &room.state, &room.ephemeral, &room.account_data}) {
      for (const std::string& event : *list) {
        size += event.size() + 1;
      }
    }
  }
  return size;
}

}  // namespace

std::string serialise(const service::SyncResponse& response, std::string_view next_batch,
                      std::string_view state_section) {
  std::string out;
  out.reserve(size_of(response));
  Writer writer{out};
  writer.begin_object();
  writer.key("next_batch").value(next_batch);
  if (!response.account_data.empty()) {
    write_events(writer, "account_data", response.account_data);
  }
  if (!response.presence.empty()) {
    write_events(writer, "presence", response.presence);
  }
  if (!response.to_device.empty()) {
    write_events(writer, "to_device", response.to_device);
  }
  if (!response.device_lists_changed.empty() || !response.device_lists_left.empty()) {
    writer.key("device_lists").begin_object();
    write_ids(writer, "changed", response.device_lists_changed);
    write_ids(writer, "left", response.device_lists_left);
    writer.end_object();
  }
  if (response.one_time_keys_count) {
    writer.key("device_one_time_keys_count").raw(*response.one_time_keys_count);
  }
  if (response.unused_fallback_key_types) {
    writer.key("device_unused_fallback_key_types").raw(*response.unused_fallback_key_types);
    writer.key("org.matrix.msc2732.device_unused_fallback_key_types")
        .raw(*response.unused_fallback_key_types);
  }
  if (!response.joined.empty() || !response.left.empty() || !response.invited.empty() ||
      !response.knocked.empty()) {
    writer.key("rooms").begin_object();
    write_stripped(writer, "invite", "invite_state", response.invited);
    if (!response.joined.empty()) {
      writer.key("join").begin_object();
      for (const service::JoinedRoomSync& room : response.joined) {
        write_joined(writer, room, state_section);
      }
      writer.end_object();
    }
    write_stripped(writer, "knock", "knock_state", response.knocked);
    if (!response.left.empty()) {
      writer.key("leave").begin_object();
      for (const service::LeftRoomSync& room : response.left) {
        write_left(writer, room, state_section);
      }
      writer.end_object();
    }
    writer.end_object();
  }
  writer.end_object();
  return out;
}

std::string serialise_unchanged(std::string_view always, std::string_view next_batch) {
  std::string out;
  out.reserve(always.size() + next_batch.size() + 32);
  out += '{';
  out += always;
  out += "\"next_batch\":";
  json::append_string(out, next_batch);
  out += '}';
  return out;
}

}  // namespace lares::sync
