// SPDX-License-Identifier: Apache-2.0
#include "state_map_node.hpp"

#include <algorithm>
#include <memory>
#include <new>

namespace lares::matrix {

namespace {

StateMap::Node* allocate(std::size_t trailing_bytes) {
  void* memory = ::operator new(sizeof(StateMap::Node) + trailing_bytes);
  return new (memory) StateMap::Node;
}

}  // namespace

void release_node(const StateMap::Node* node) noexcept {
  if (node->references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  for (const NodeSlot& child : node->children()) {
    release_word(child.load(std::memory_order_relaxed));
  }
  node->~Node();
  ::operator delete(const_cast<StateMap::Node*>(node));
}

NodeRef make_leaf(std::span<const StateEntry> entries) {
  StateMap::Node* node = allocate(entries.size_bytes());
  node->width = static_cast<std::uint8_t>(entries.size());
  node->count = entries.size();
  std::uninitialized_copy(entries.begin(), entries.end(), reinterpret_cast<StateEntry*>(node + 1));
  return NodeRef{node};
}

NodeRef make_branch(unsigned shift, std::uint64_t prefix, std::uint64_t count,
                    std::span<ChildDraft> children) {
  StateMap::Node* node = allocate(children.size() * sizeof(NodeSlot));
  node->leaf = false;
  node->shift = static_cast<std::uint8_t>(shift);
  node->width = static_cast<std::uint8_t>(children.size());
  node->prefix = prefix;
  node->count = count;
  auto* slot = reinterpret_cast<NodeSlot*>(node + 1);
  for (ChildDraft& child : children) {
    const auto bit = static_cast<std::uint16_t>(1U << child.start());
    node->starts = static_cast<std::uint16_t>(node->starts | bit);
    if (child.branch()) {
      node->branches = static_cast<std::uint16_t>(node->branches | bit);
    }
    new (slot++) NodeSlot{child.take()};
  }
  return NodeRef{node};
}

bool fits(const StateMap::Node& node, const NodePlace& place) noexcept {
  const StateMap::Node* parent = place.parent;
  if (parent == nullptr) {
    return true;
  }
  if (node.leaf == parent->branch_at(place.start)) {
    return false;
  }
  if (!node.leaf) {
    return node.shift < parent->shift && parent->covers(node.prefix) &&
           digit(node.prefix, parent->shift) == place.start;
  }
  const unsigned end = parent->range_end(place.start);
  return std::ranges::all_of(node.entries(), [&](const StateEntry& entry) {
    const unsigned at = digit(entry.key, parent->shift);
    return parent->covers(entry.key) && at >= place.start && at < end;
  });
}

std::expected<void, StateMapError> MissingNodes::load(NodeStore* store) {
  std::vector<NodePlace> places;
  places.swap(places_);
  if (places.empty()) {
    return {};
  }
  if (store == nullptr) {
    return std::unexpected{StateMapError{StateMapErrorCode::kNotLoaded, places.front().id()}};
  }
  struct Wanted {
    NodeId id;
    NodePlace place;
  };
  std::vector<Wanted> wanted;
  wanted.reserve(places.size());
  for (const NodePlace& place : places) {
    wanted.push_back({place.id(), place});
  }
  std::ranges::sort(wanted, {}, &Wanted::id);
  std::vector<BlockId> blocks;
  std::vector<std::size_t> first_of_block;
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    const BlockId block = block_of(wanted[index].id);
    if (blocks.empty() || blocks.back() != block) {
      blocks.push_back(block);
      first_of_block.push_back(index);
    }
  }
  first_of_block.push_back(wanted.size());

  std::size_t given = 0;
  NodeId malformed = 0;
  std::vector<bool> seen(blocks.size());
  store->load(blocks, [&](std::size_t index, std::string_view bytes) {
    if (index >= blocks.size() || seen[index]) {
      return;
    }
    seen[index] = true;
    ++given;
    for (std::size_t at = first_of_block[index]; at < first_of_block[index + 1]; ++at) {
      const Wanted& want = wanted[at];
      NodeWord expected = want.place.word();
      if (!names_node(expected)) {
        continue;  // another thread, or the same node wanted twice
      }
      NodeRef node = decode_node(bytes, want.id);
      if (!node || !fits(*node, want.place)) {
        malformed = want.id;
        continue;
      }
      const auto loaded = reinterpret_cast<NodeWord>(node.get());
      if (want.place.slot->compare_exchange_strong(expected, loaded, std::memory_order_acq_rel)) {
        static_cast<void>(node.take());
      }
    }
  });
  if (malformed != 0) {
    return std::unexpected{StateMapError{StateMapErrorCode::kNodeMalformed, malformed}};
  }
  if (given != blocks.size()) {
    const auto absent = static_cast<std::size_t>(std::ranges::find(seen, false) - seen.begin());
    return std::unexpected{StateMapError{StateMapErrorCode::kNodeMissing, wanted[first_of_block[absent]].id}};
  }
  return {};
}

void collect_entries(const NodePlace& place, MissingNodes& missing, std::vector<StateEntry>& out) {
  const StateMap::Node* node = missing.get(place);
  if (node == nullptr) {
    return;
  }
  const auto entries = node->entries();
  out.insert(out.end(), entries.begin(), entries.end());
  for (unsigned index = 0; index < node->children().size(); ++index) {
    collect_entries(child_place(*node, index), missing, out);
  }
}

}  // namespace lares::matrix
