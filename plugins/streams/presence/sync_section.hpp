// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/service/sync.hpp>
#include <lares/storage/intern.hpp>

#include <vector>

#include "presence_board.hpp"
#include "presence_metrics.hpp"
#include "presence_stream.hpp"
#include "settings.hpp"

namespace lares::presence {

/// Presence in /sync: of the user and of those who share a room with the user.
class SyncSection final : public service::SyncContributor {
 public:
  SyncSection(Server& server, const Settings& settings, storage::Interner& interner, service::Rooms& rooms,
              PresenceBoard& board, PresenceStream& stream)
      : server_(server),
        settings_(settings),
        interner_(interner),
        rooms_(rooms),
        board_(board),
        stream_(stream),
        metrics_(server),
        looking_(server.runtime(), server.name(), "presence.get_new_events") {}

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  /// Those of the people who share a room with the user, and the user.
  Task<std::vector<PresencePtr>> sharing(const service::SyncScope& scope,
                                         const service::SyncResponse& response,
                                         std::vector<PresencePtr> people);
  /// Everyone else who came into a room of the user's, or whose room the user came into.
  Task<std::vector<std::int64_t>> newcomers(const service::SyncScope& scope,
                                            const service::SyncResponse& response);
  /// Those of everyone who shares a room who are offline.
  Task<std::vector<PresencePtr>> offline(const service::SyncScope& scope,
                                         const service::SyncResponse& response);

  Server& server_;
  const Settings& settings_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
  PresenceBoard& board_;
  PresenceStream& stream_;
  SyncMetrics metrics_;
  MeasuredBlock looking_;
};

}  // namespace lares::presence
