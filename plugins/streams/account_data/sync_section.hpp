// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/sync.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

namespace lares::account_data {

/// Account data in /sync: the account's own, and that of rooms.
class SyncSection final : public service::SyncContributor {
 public:
  SyncSection(storage::Database& database, storage::Interner& interner)
      : database_(database), interner_(interner) {}

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  storage::Database& database_;
  storage::Interner& interner_;
};

}  // namespace lares::account_data
