// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>

#include "sharing.hpp"

namespace lares::device_lists {

/// The section `device_lists` of /sync, and GET /keys/changes, which gives the same between two tokens.
///
/// spec: Client-Server API, "Extensions to /sync" and "GET /keys/changes"
class SyncSection final : public service::SyncContributor {
 public:
  explicit SyncSection(Server& server);

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  Task<http::Response> get_changes(const http::Requester& requester, http::Request& request);

  Server& server_;
  Sharing sharing_;
};

}  // namespace lares::device_lists
