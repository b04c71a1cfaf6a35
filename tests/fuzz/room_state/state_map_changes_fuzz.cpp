// SPDX-License-Identifier: Apache-2.0
// A history of changes, saves and re-openings, held against an ordered map. Each step is four bytes: what to
// do, a key (its low byte, and where its bits go), a value.
#include <lares/matrix/state_map.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace lares::matrix;

class Memory final : public NodeStore {
 public:
  void load(std::span<const BlockId> wanted,
            const std::function<void(std::size_t, std::string_view)>& give) override {
    for (std::size_t index = 0; index < wanted.size(); ++index) {
      if (const auto found = blocks.find(wanted[index]); found != blocks.end()) {
        give(index, found->second);
      }
    }
  }
  NodeId save(const StateMap& map) {
    std::vector<StateBlock> rows;
    const NodeId root = map.save(blocks.size() + 1, rows);
    for (StateBlock& row : rows) {
      blocks.emplace(row.number, std::move(row.bytes));
    }
    return root;
  }
  std::map<BlockId, std::string> blocks;
};

void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Memory store;
  StateMap map;
  StateMap before;
  std::map<std::uint64_t, std::uint64_t> model;
  std::map<std::uint64_t, std::uint64_t> model_before;
  for (std::size_t at = 0; at + 4 <= size && at < 2048; at += 4) {
    const unsigned what = data[at] % 16;
    const std::uint64_t key = (std::uint64_t{data[at + 1]} << (data[at + 2] % 57)) + data[at + 2] / 57;
    const std::uint64_t value = data[at + 3];
    if (what < 10) {
      map = map.with(key, value, &store).value();
      model[key] = value;
    } else if (what < 13) {
      map = map.without(key, &store).value();
      model.erase(key);
    } else if (what == 13) {
      map = StateMap::open(store.save(map));
    } else {
      before = map;
      model_before = model;
    }
  }
  require(map.size(&store).value() == model.size(), "the sizes agree");
  auto expected = model.begin();
  require(map.for_each(
                 [&](std::uint64_t key, std::uint64_t value) {
                   require(expected != model.end() && expected->first == key && expected->second == value,
                           "the entries agree");
                   ++expected;
                   return true;
                 },
                 &store)
              .has_value(),
          "all is there");
  std::map<std::uint64_t, std::uint64_t> patched = model_before;
  for (const StateDifference& difference : StateMap::diff(before, map, &store).value()) {
    require(difference.before != difference.after, "differences differ");
    if (difference.after) {
      patched[difference.key] = *difference.after;
    } else {
      patched.erase(difference.key);
    }
  }
  require(patched == model, "the differences lead from one to the other");
  // The same entries put in at once are the same tree, byte for byte.
  std::vector<StateChange> entries;
  for (const auto& [key, value] : model) {
    entries.push_back({key, value});
  }
  std::vector<StateChange> backwards{entries.rbegin(), entries.rend()};
  std::vector<StateBlock> one;
  std::vector<StateBlock> other;
  StateMap grown;
  for (const StateChange& entry : backwards) {
    grown = grown.with({&entry, 1}).value();
  }
  static_cast<void>(grown.save(1, one));
  static_cast<void>(StateMap::from(entries).save(1, other));
  require(one == other, "the tree follows from the entries");
  return 0;
}
