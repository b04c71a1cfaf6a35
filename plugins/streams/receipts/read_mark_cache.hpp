// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/receipts.hpp>
#include <lares/storage/database.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace lares::receipts {

/// How far users have read, remembered until a row of the stream says that it changed.
class ReadMarkCache final : public service::Receipts {
 public:
  ReadMarkCache(TaskGroup& loads, Server& server, storage::Database& database);

  Task<std::shared_ptr<const service::ReadMarks>> read_marks(std::int64_t user, std::int64_t room) override;
  void changed(std::int64_t user, std::int64_t room) { marks_.invalidate({user, room}); }

 private:
  struct Key {
    std::int64_t user = 0;
    std::int64_t room = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return (static_cast<std::size_t>(key.user) * std::size_t{0x9E3779B97F4A7C15U}) ^
             static_cast<std::size_t>(key.room);
    }
  };
  Task<std::shared_ptr<const service::ReadMarks>> load(Key key);

  storage::Database& database_;
  Cache<Key, std::shared_ptr<const service::ReadMarks>, KeyHash> marks_;
};

}  // namespace lares::receipts
