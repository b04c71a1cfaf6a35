// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/relations.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/hub.hpp>

#include "room_caches.hpp"

namespace lares::events {

/// Pages of relations and threads, out of `event_relations`.
///
/// **Threads**: any.
class RelationsService final : public service::Relations {
 public:
  RelationsService(storage::Database& database, stream::Hub& hub, RoomCaches& caches)
      : database_(database), hub_(hub), caches_(caches) {}

  Task<service::RelationPage> children(service::RoomView& view, service::StoredEventPtr parent,
                                       service::RelationQuery query) override;
  Task<service::RelationPage> threads(service::RoomView& view, std::optional<std::int64_t> from,
                                      std::size_t limit, bool participated) override;

 private:
  storage::Database& database_;
  stream::Hub& hub_;
  RoomCaches& caches_;
};

}  // namespace lares::events
