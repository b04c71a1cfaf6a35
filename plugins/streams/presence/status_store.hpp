// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>
#include <lares/storage/migration.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace lares::presence {

[[nodiscard]] storage::Schema presence_schema();

/// What users say of themselves, which outlives their being online.
class StatusStore {
 public:
  explicit StatusStore(storage::Database& database) : database_(database) {}

  /// An empty text is none.
  Task<void> put(std::int64_t user, std::string status);
  Task<std::unordered_map<std::int64_t, std::string>> find(std::vector<std::int64_t> users);

 private:
  storage::Database& database_;
};

}  // namespace lares::presence
