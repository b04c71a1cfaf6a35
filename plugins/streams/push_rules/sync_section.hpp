// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>

#include "unread_counts.hpp"
#include "user_rules.hpp"

namespace lares::push_rules {

/// Push rules among the account data of /sync, and the unread counts of the rooms that are in it.
///
/// spec: Client-Server API, "Push Rules: Events", "Receiving notifications"
class SyncSection final : public service::SyncContributor {
 public:
  SyncSection(Server& server, UserRulesCache& rules, UnreadCounts& counts)
      : rules_(rules),
        counts_(counts),
        counting_(server.runtime(), server.name(), "unread_notifs_for_room_id") {}

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  Task<void> add_rules(const service::SyncScope& scope, service::SyncResponse& response);
  Task<void> add_counts(const service::SyncScope& scope, service::JoinedRoomSync& room);

  UserRulesCache& rules_;
  UnreadCounts& counts_;
  MeasuredBlock counting_;
};

}  // namespace lares::push_rules
