// SPDX-License-Identifier: Apache-2.0
#include "state_blocks.hpp"

#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>

#include <tuple>

namespace lares::events {

namespace {
constexpr storage::LookupMany kBlocks{
    .select = "b.body",
    .from = "state_blocks b",
    .keys = {{{"b.room", storage::ColumnType::Integer}, {"b.block", storage::ColumnType::Integer}}}};
}  // namespace

void StateBlocks::load(std::span<const matrix::BlockId> blocks,
                       const std::function<void(std::size_t, std::string_view)>& give) {
  tx_.lookup_many(
      kBlocks, blocks,
      [this](matrix::BlockId block) { return std::tuple{room_, static_cast<std::int64_t>(block)}; },
      [&give](std::size_t index, const storage::Row& row) { give(index, row.bytes(0)); });
}

void throw_corrupt_state(const matrix::StateMapError& error, std::int64_t room) {
  throw storage::Corrupt{fmt::format("The state of room number {} cannot be read: {} (node {}).", room,
                                     matrix::describe(error.code), error.node)};
}

}  // namespace lares::events
