// SPDX-License-Identifier: Apache-2.0
// Blocks out of a damaged store: whatever they hold, a map gives entries or an error. The input is a list of
// blocks, each a byte of length and so many bytes; they are numbered from 1, and a map is opened at each node
// that they could hold.
#include <lares/matrix/state_map.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace lares::matrix;

class Blocks final : public NodeStore {
 public:
  explicit Blocks(std::string_view input) {
    while (!input.empty()) {
      const std::size_t length = static_cast<unsigned char>(input.front());
      input.remove_prefix(1);
      blocks_.push_back(input.substr(0, length));
      input.remove_prefix(blocks_.back().size());
    }
  }
  void load(std::span<const BlockId> wanted,
            const std::function<void(std::size_t, std::string_view)>& give) override {
    for (std::size_t index = 0; index < wanted.size(); ++index) {
      if (wanted[index] >= 1 && wanted[index] <= blocks_.size()) {
        give(index, blocks_[wanted[index] - 1]);
      }
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return blocks_.size(); }

 private:
  std::vector<std::string_view> blocks_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) {
    return 0;
  }
  Blocks blocks{{reinterpret_cast<const char*>(data), size}};
  StateMap last;
  for (BlockId block = blocks.size(); block > 0 && block + 4 > blocks.size(); --block) {
    for (NodeId place = 0; place < 4; ++place) {
      const StateMap map = StateMap::open(block << 8U | place);
      static_cast<void>(map.find(7, &blocks));
      static_cast<void>(map.size(&blocks));
      // A tree of shared parts has more entries than bytes; a few thousand tell enough.
      std::size_t entries = 0;
      static_cast<void>(
          map.for_each([&](std::uint64_t, std::uint64_t) { return ++entries < 4096; }, &blocks));
      static_cast<void>(StateMap::diff(last, map, &blocks));
      const auto changed = map.with(std::vector<StateChange>{{1, 2}, {7, std::nullopt}, {~0ULL, 3}}, &blocks);
      if (changed) {
        std::vector<StateBlock> out;
        static_cast<void>(changed->save(blocks.size() + 1, out));
      }
      static_cast<void>(StateMap::blocks_not_in({&map, 1}, {&last, 1}, &blocks));
      last = map;
    }
  }
  return 0;
}
