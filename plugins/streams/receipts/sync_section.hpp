// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/account_data.hpp>
#include <lares/service/sync.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include "recent_rooms.hpp"

namespace lares::receipts {

/// Receipts in /sync: `m.receipt` among the ephemeral events of a room.
class SyncSection final : public service::SyncContributor {
 public:
  SyncSection(Server& server, storage::Database& database, storage::Interner& interner, RecentRooms& recent)
      : server_(server),
        database_(database),
        interner_(interner),
        recent_(recent),
        looking_(server.runtime(), server.name(), "ephemeral_by_room") {}

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  Server& server_;
  storage::Database& database_;
  storage::Interner& interner_;
  RecentRooms& recent_;
  MeasuredBlock looking_;
};

}  // namespace lares::receipts
