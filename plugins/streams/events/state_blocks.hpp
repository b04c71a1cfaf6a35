// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/state_map.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lares::storage {
class ReadTransaction;
}

namespace lares::events {

/// The blocks of one room's states in the database, for the length of a transaction: table `state_blocks`.
/// Blocks count up from 1 in each room, and only the room's writer makes them.
class StateBlocks final : public matrix::NodeStore {
 public:
  StateBlocks(storage::ReadTransaction& tx, std::int64_t room) noexcept : tx_(tx), room_(room) {}

  void load(std::span<const matrix::BlockId> blocks,
            const std::function<void(std::size_t, std::string_view)>& give) override;

 private:
  storage::ReadTransaction& tx_;
  std::int64_t room_;
};

/// **Errors**: throws storage::Corrupt with what is wrong with the room's state.
[[noreturn]] void throw_corrupt_state(const matrix::StateMapError& error, std::int64_t room);

/// The value; a map that cannot be read means that the database is damaged.
template <class T>
T state_or_throw(std::expected<T, matrix::StateMapError> result, std::int64_t room) {
  if (!result) {
    throw_corrupt_state(result.error(), room);
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

}  // namespace lares::events
