// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "client_form.hpp"
#include "room_caches.hpp"
#include "visibility.hpp"

namespace lares::events {

/// What is bundled with events: `m.relations` as JSON, by the event's number.
using Bundles = std::unordered_map<std::int64_t, std::string>;

/// Puts together what relates to events, as one reader sees it: the edit in force, the thread that hangs on
/// an event, references. Events that nothing relates to cost a look into memory.
///
/// spec: Client-Server API, "Aggregations of child events"
Task<Bundles> bundle(RoomCaches& caches, storage::Database& database, Visibility& visibility, Reader reader,
                     std::int64_t reader_number, std::vector<service::StoredEventPtr> events,
                     bool omit_room_id);

}  // namespace lares::events
