// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/state_map.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lares::matrix::test {

/// Blocks in memory, and what was asked of them.
class MemoryStore final : public NodeStore {
 public:
  void load(std::span<const BlockId> wanted,
            const std::function<void(std::size_t, std::string_view)>& give) override {
    ++questions;
    asked += wanted.size();
    for (std::size_t index = 0; index < wanted.size(); ++index) {
      if (const auto found = blocks.find(wanted[index]); found != blocks.end()) {
        give(index, found->second);
      }
    }
  }

  /// Saves a map as a room's writer would.
  NodeId save(const StateMap& map) {
    std::vector<StateBlock> rows;
    const NodeId root = map.save(blocks.empty() ? 1 : blocks.rbegin()->first + 1, rows);
    for (StateBlock& row : rows) {
      largest = std::max(largest, row.bytes.size());
      blocks.emplace(row.number, std::move(row.bytes));
    }
    return root;
  }

  std::map<BlockId, std::string> blocks;
  std::size_t questions = 0;
  std::size_t asked = 0;
  std::size_t largest = 0;
};

}  // namespace lares::matrix::test
