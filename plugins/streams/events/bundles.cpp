// SPDX-License-Identifier: Apache-2.0
#include "bundles.hpp"

#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "relation.hpp"

namespace lares::events {

using service::StoredEventPtr;
using storage::Bytes;
using storage::Row;

namespace {

// Of several edits or messages of a thread the newest that the reader may see is shown.
constexpr storage::Statement kEdits{
    "SELECT event FROM event_relations WHERE target = $1 AND rel_type = $2 AND sender = $3 AND type = $4 "
    "ORDER BY position DESC LIMIT 5"};
constexpr storage::Statement kNewestOfThread{
    "SELECT event FROM event_relations WHERE target = $1 AND rel_type = $2 ORDER BY position DESC LIMIT 5"};
constexpr storage::Statement kReferences{
    "SELECT event FROM event_relations WHERE target = $1 AND rel_type = $2 ORDER BY position LIMIT 100"};
constexpr storage::Statement kThreadSize{
    "SELECT count(*) FROM event_relations WHERE target = $1 AND rel_type = $2"};
constexpr storage::Statement kThreadSizeBySender{
    "SELECT sender, count(*) FROM event_relations WHERE target = $1 AND rel_type = $2 GROUP BY sender"};
constexpr storage::Statement kWroteInto{
    "SELECT 1 FROM event_relations WHERE target = $1 AND rel_type = $2 AND sender = $3 LIMIT 1"};

struct Found {
  StoredEventPtr event;
  std::vector<std::int64_t> edits;
  std::vector<std::int64_t> references;
  std::vector<std::int64_t> thread;
  std::int64_t thread_size = 0;
  bool participated = false;
};

std::vector<std::int64_t> numbers(storage::ReadTransaction& tx, const storage::Statement& statement,
                                  std::int64_t target, std::string_view rel_type) {
  std::vector<std::int64_t> found;
  tx.each(statement, target, Bytes{rel_type}, [&found](const Row& row) { found.push_back(row.i64(0)); });
  return found;
}

std::vector<std::int64_t> edits_of(storage::ReadTransaction& tx, const service::StoredEvent& event) {
  std::vector<std::int64_t> found;
  if (!event.event->is_state() && !event.redacted_because) {
    tx.each(kEdits, event.number, Bytes{kReplace}, event.sender, Bytes{event.event->type()},
            [&found](const Row& row) { found.push_back(row.i64(0)); });
  }
  return found;
}

std::int64_t thread_size(storage::ReadTransaction& tx, std::int64_t root,
                         const std::vector<std::int64_t>& ignored) {
  if (ignored.empty()) {
    return tx.one(kThreadSize, root, Bytes{kThread}, [](const Row& row) { return row.i64(0); });
  }
  std::int64_t size = 0;
  tx.each(kThreadSizeBySender, root, Bytes{kThread}, [&size, &ignored](const Row& row) {
    if (std::ranges::find(ignored, row.i64(0)) == ignored.end()) {
      size += row.i64(1);
    }
  });
  return size;
}

Found look_up(storage::ReadTransaction& tx, StoredEventPtr event, std::int64_t reader,
              const std::vector<std::int64_t>& ignored) {
  Found found{.event = std::move(event),
              .edits = {},
              .references = {},
              .thread = {},
              .thread_size = 0,
              .participated = false};
  const std::int64_t target = found.event->number;
  found.edits = edits_of(tx, *found.event);
  found.references = numbers(tx, kReferences, target, kReference);
  found.thread = numbers(tx, kNewestOfThread, target, kThread);
  if (!found.thread.empty()) {
    found.thread_size = thread_size(tx, target, ignored);
    found.participated = found.event->sender == reader || tx.any(kWroteInto, target, Bytes{kThread}, reader);
  }
  return found;
}

// What relates to events is asked for once for all that anything relates to.
Task<std::vector<Found>> look_up_all(RoomCaches& caches, storage::Database& database,
                                     const Visibility& visibility, std::vector<StoredEventPtr> events,
                                     std::int64_t reader) {
  std::vector<StoredEventPtr> related = co_await caches.related(std::move(events));
  if (related.empty()) {
    co_return std::vector<Found>{};
  }
  const std::vector<std::int64_t> ignored = co_await visibility.ignored();
  co_return co_await database.read("event_relations", [&](storage::ReadTransaction& tx) {
    std::vector<Found> found;
    for (const StoredEventPtr& event : related) {
      found.push_back(look_up(tx, event, reader, ignored));
    }
    return found;
  });
}

Task<StoredEventPtr> first_visible(RoomCaches& caches, Visibility& visibility,
                                   std::vector<std::int64_t> candidates) {
  if (candidates.empty()) {
    co_return nullptr;
  }
  std::vector<StoredEventPtr> events = co_await caches.events(std::move(candidates));
  std::erase_if(events, [](const StoredEventPtr& event) { return event->redacted_because != nullptr; });
  std::vector<StoredEventPtr> visible = co_await visibility.filter(std::move(events));
  co_return visible.empty() ? nullptr : std::move(visible.front());
}

std::string form(const StoredEventPtr& event, const Reader& reader, const Visibility& visibility,
                 bool omit_room_id, std::string_view relations) {
  std::string out;
  append_client_form(
      out, *event, reader,
      {.replaced = nullptr, .membership = visibility.membership_at(*event), .relations = relations},
      omit_room_id);
  return out;
}

std::string edit_bundle(const StoredEventPtr& edit, const Reader& reader, const Visibility& visibility,
                        bool omit_room_id) {
  std::string out;
  json::Writer writer{out};
  writer.begin_object().key(kReplace).raw(form(edit, reader, visibility, omit_room_id, {})).end_object();
  return out;
}

}  // namespace

Task<Bundles> bundle(RoomCaches& caches, storage::Database& database, Visibility& visibility, Reader reader,
                     std::int64_t reader_number, std::vector<StoredEventPtr> events, bool omit_room_id) {
  Bundles bundles;
  for (Found& found : co_await look_up_all(caches, database, visibility, std::move(events), reader_number)) {
    const StoredEventPtr edit = co_await first_visible(caches, visibility, std::move(found.edits));
    const StoredEventPtr latest = co_await first_visible(caches, visibility, std::move(found.thread));
    std::vector<StoredEventPtr> references = co_await caches.events(std::move(found.references));
    references = co_await visibility.filter(std::move(references));
    if (!edit && !latest && references.empty()) {
      continue;
    }
    std::string out;
    json::Writer writer{out};
    writer.begin_object();
    if (!references.empty()) {
      writer.key(kReference).begin_object().key("chunk").begin_array();
      for (const StoredEventPtr& event : references) {
        writer.begin_object().key("event_id").value(event->event->event_id()).end_object();
      }
      writer.end_array().end_object();
    }
    if (edit) {
      writer.key(kReplace).raw(form(edit, reader, visibility, omit_room_id, {}));
    }
    if (latest) {
      std::vector<std::int64_t> edits = co_await database.read(
          "event_edits", [&latest](storage::ReadTransaction& tx) { return edits_of(tx, *latest); });
      const StoredEventPtr latest_edit = co_await first_visible(caches, visibility, std::move(edits));
      const std::string own =
          latest_edit ? edit_bundle(latest_edit, reader, visibility, omit_room_id) : std::string{};
      writer.key(kThread).begin_object().key("count").value(found.thread_size);
      writer.key("current_user_participated").value(found.participated);
      writer.key("latest_event").raw(form(latest, reader, visibility, omit_room_id, own)).end_object();
    }
    writer.end_object();
    bundles.emplace(found.event->number, std::move(out));
  }
  co_return bundles;
}

}  // namespace lares::events
