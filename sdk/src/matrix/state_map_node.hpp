// SPDX-License-Identifier: Apache-2.0
// The tree behind StateMap. Private to its sources.
//
// Keys are read as sixteen digits of four bits. A subtree of at most kLeafEntries entries is a leaf. A larger
// one is a branch at the highest digit in which its keys differ. A branch's sixteen digits are halved until
// each part is empty, or has few enough entries to be a leaf, or is one digit, and then is a branch again. So
// the shape follows from the entries; for keys that are spread evenly leaves are half full at least, whatever
// the size of the map, and a path has one branch for each factor of sixteen.
#pragma once

#include <lares/matrix/state_map.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::matrix {

inline constexpr std::size_t kLeafEntries = 16;
inline constexpr unsigned kDigits = 16;
inline constexpr unsigned kDigitBits = 4;

struct StateEntry {
  std::uint64_t key = 0;
  std::uint64_t value = 0;

  bool operator==(const StateEntry&) const = default;
};

/// A place for a node: 0, a counted pointer, or (name << 1 | 1) of a node that is not in memory.
using NodeWord = std::uint64_t;
using NodeSlot = std::atomic<NodeWord>;
static_assert(sizeof(NodeSlot) == sizeof(NodeWord));

[[nodiscard]] constexpr bool names_node(NodeWord word) noexcept {
  return (word & 1U) != 0;
}
[[nodiscard]] constexpr NodeWord word_of(NodeId id) noexcept {
  return (id << 1U) | 1U;
}

/// The digits of a key above the one at `shift`.
[[nodiscard]] constexpr std::uint64_t above(std::uint64_t key, unsigned shift) noexcept {
  return shift >= 60 ? 0 : key >> (shift + kDigitBits);
}
[[nodiscard]] constexpr unsigned digit(std::uint64_t key, unsigned shift) noexcept {
  return static_cast<unsigned>(key >> shift) & (kDigits - 1);
}

/// A leaf or a branch; entries or children follow it in memory.
struct StateMap::Node {
  mutable std::atomic<std::uint32_t> references{1};
  bool leaf = true;
  /// Of a branch: the bit that its digit begins at.
  std::uint8_t shift = 0;
  /// Entries of a leaf, children of a branch.
  std::uint8_t width = 0;
  /// Of a branch: the digits at which a child's range begins, and those whose child is a branch.
  std::uint16_t starts = 0;
  std::uint16_t branches = 0;
  /// The node's name; 0 while it was never saved.
  mutable std::atomic<NodeId> id{0};
  /// Of a branch: what its keys have in common, the rest zero.
  std::uint64_t prefix = 0;
  /// Entries in the subtree.
  std::uint64_t count = 0;

  [[nodiscard]] std::span<const StateEntry> entries() const noexcept {
    return {reinterpret_cast<const StateEntry*>(this + 1), leaf ? width : std::size_t{0}};
  }
  [[nodiscard]] std::span<NodeSlot> children() const noexcept {
    auto* first = reinterpret_cast<NodeSlot*>(const_cast<Node*>(this) + 1);
    return {first, leaf ? std::size_t{0} : width};
  }
  /// The digit that child `index` begins at.
  [[nodiscard]] unsigned start(unsigned index) const noexcept {
    unsigned rest = starts;
    while (index-- > 0) {
      rest &= rest - 1;
    }
    return static_cast<unsigned>(std::countr_zero(rest));
  }
  /// The child whose range covers a digit; nothing when all begin behind it.
  [[nodiscard]] std::optional<unsigned> child_at(unsigned at) const noexcept {
    const unsigned below = starts & ((2U << at) - 1U);
    if (below == 0) {
      return std::nullopt;
    }
    return static_cast<unsigned>(std::popcount(below)) - 1;
  }
  [[nodiscard]] bool branch_at(unsigned start_digit) const noexcept {
    return ((branches >> start_digit) & 1U) != 0;
  }
  /// The end of the range of the child that begins at a digit. A branch has one digit; a leaf the largest
  /// aligned range without another child, since its half was only split off because the whole had too many
  /// entries.
  [[nodiscard]] unsigned range_end(unsigned start_digit) const noexcept {
    unsigned size = 1;
    if (!branch_at(start_digit)) {
      const unsigned others = starts & ~(1U << start_digit);
      while (size < kDigits && start_digit % (size * 2) == 0 &&
             ((others >> start_digit) & ((1U << (size * 2)) - 1U)) == 0) {
        size *= 2;
      }
    }
    return start_digit + size;
  }
  /// Whether a key belongs into this branch's range.
  [[nodiscard]] bool covers(std::uint64_t key) const noexcept {
    return above(key, shift) == above(prefix, shift);
  }
};
static_assert(alignof(StateMap::Node) == alignof(StateEntry));

void release_node(const StateMap::Node* node) noexcept;

/// Takes part in the ownership of what a word points at.
inline void retain_word(NodeWord word) noexcept {
  if (word != 0 && !names_node(word)) {
    reinterpret_cast<const StateMap::Node*>(word)->references.fetch_add(1, std::memory_order_relaxed);
  }
}
inline void release_word(NodeWord word) noexcept {
  if (word != 0 && !names_node(word)) {
    release_node(reinterpret_cast<const StateMap::Node*>(word));
  }
}

/// Owns one reference to a node.
class NodeRef {
 public:
  NodeRef() = default;
  /// Takes over a reference.
  explicit NodeRef(const StateMap::Node* owned) noexcept : node_{owned} {}
  [[nodiscard]] static NodeRef share(const StateMap::Node* node) noexcept {
    retain_word(reinterpret_cast<NodeWord>(node));
    return NodeRef{node};
  }
  NodeRef(const NodeRef& other) noexcept : NodeRef{share(other.node_)} {}
  NodeRef(NodeRef&& other) noexcept : node_{std::exchange(other.node_, nullptr)} {}
  NodeRef& operator=(NodeRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodeRef() { release_word(reinterpret_cast<NodeWord>(node_)); }

  [[nodiscard]] const StateMap::Node* get() const noexcept { return node_; }
  const StateMap::Node* operator->() const noexcept { return node_; }
  const StateMap::Node& operator*() const noexcept { return *node_; }
  [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }
  /// Gives the reference away.
  [[nodiscard]] const StateMap::Node* take() noexcept { return std::exchange(node_, nullptr); }
  [[nodiscard]] NodeWord take_word() noexcept { return reinterpret_cast<NodeWord>(take()); }

 private:
  const StateMap::Node* node_ = nullptr;
};

/// A child of a branch that is being made.
class ChildDraft {
 public:
  ChildDraft(unsigned start, bool branch, NodeWord owned) noexcept
      : word_{owned}, start_{start}, branch_{branch} {}
  ChildDraft(ChildDraft&& other) noexcept
      : word_{std::exchange(other.word_, 0)}, start_{other.start_}, branch_{other.branch_} {}
  ChildDraft& operator=(ChildDraft&&) = delete;
  ~ChildDraft() { release_word(word_); }

  [[nodiscard]] unsigned start() const noexcept { return start_; }
  [[nodiscard]] bool branch() const noexcept { return branch_; }
  [[nodiscard]] NodeWord word() const noexcept { return word_; }
  [[nodiscard]] NodeWord take() noexcept { return std::exchange(word_, 0); }

 private:
  NodeWord word_;
  unsigned start_;
  bool branch_;
};

/// Entries ascend, 1 to kLeafEntries.
[[nodiscard]] NodeRef make_leaf(std::span<const StateEntry> entries);
/// Takes the children over, which ascend.
[[nodiscard]] NodeRef make_branch(unsigned shift, std::uint64_t prefix, std::uint64_t count,
                                  std::span<ChildDraft> children);

/// A node's place: the root of a map, or a child of a branch.
struct NodePlace {
  NodeSlot* slot = nullptr;
  const StateMap::Node* parent = nullptr;
  /// The digit at which the child begins.
  unsigned start = 0;

  [[nodiscard]] NodeWord word() const noexcept { return slot->load(std::memory_order_acquire); }
  /// The node, if it is in memory.
  [[nodiscard]] const StateMap::Node* node() const noexcept {
    const NodeWord now = word();
    return names_node(now) ? nullptr : reinterpret_cast<const StateMap::Node*>(now);
  }
  /// The node's name; 0 when it was never saved.
  [[nodiscard]] NodeId id() const noexcept {
    const NodeWord now = word();
    if (names_node(now)) {
      return now >> 1U;
    }
    return now == 0 ? 0 : reinterpret_cast<const StateMap::Node*>(now)->id.load(std::memory_order_relaxed);
  }
};

[[nodiscard]] inline NodePlace child_place(const StateMap::Node& parent, unsigned index) noexcept {
  return {&parent.children()[index], &parent, parent.start(index)};
}
/// Whether two places hold the same node, without looking into it.
[[nodiscard]] inline bool same_node(const NodePlace& a, const NodePlace& b) noexcept {
  if (a.word() == b.word()) {
    return true;
  }
  const NodeId id = a.id();
  return id != 0 && id == b.id();
}

/// The nodes that a pass over trees found absent.
class MissingNodes {
 public:
  /// The node at a place; null, and noted, when it is not in memory. Not for an empty place.
  const StateMap::Node* get(const NodePlace& place) {
    const StateMap::Node* node = place.node();
    if (node == nullptr) {
      places_.push_back(place);
    }
    return node;
  }
  [[nodiscard]] bool empty() const noexcept { return places_.empty(); }
  /// Loads what was noted, with one question to the store, and forgets it. Null as the store is an error.
  [[nodiscard]] std::expected<void, StateMapError> load(NodeStore* store);

 private:
  std::vector<NodePlace> places_;
};

/// Runs `pass(missing)` until it misses nothing, loading in between.
template <class Pass>
std::expected<void, StateMapError> until_loaded(NodeStore* store, Pass&& pass) {
  MissingNodes missing;
  while (true) {
    pass(missing);
    if (missing.empty()) {
      return {};
    }
    if (auto loaded = missing.load(store); !loaded) {
      return loaded;
    }
  }
}

/// Adds all entries of a subtree, ascending.
void collect_entries(const NodePlace& place, MissingNodes& missing, std::vector<StateEntry>& out);

/// Notes what apply_changes will look at. Changes ascend, each key once.
void note_for_changes(const NodePlace& place, std::span<const StateChange> changes, MissingNodes& missing);
/// The tree with the changes; everything that note_for_changes names is in memory. Null in or out is the
/// empty tree.
[[nodiscard]] NodeRef apply_changes(const StateMap::Node* node, std::span<const StateChange> changes);

/// The node under this name and those below it in the same block, out of the block's bytes; null when they
/// are malformed.
[[nodiscard]] NodeRef decode_node(std::string_view block, NodeId id);
/// Whether a node may stand at a place.
[[nodiscard]] bool fits(const StateMap::Node& node, const NodePlace& place) noexcept;
/// Gives names to the nodes of a tree that have none, in blocks that are added to `out`.
void encode_tree(const StateMap::Node& root, BlockId next, std::vector<StateBlock>& out);

struct StateMapAccess {
  [[nodiscard]] static NodePlace root(const StateMap& map) noexcept { return {&map.root_, nullptr, 0}; }
  [[nodiscard]] static StateMap make(NodeRef root) noexcept {
    StateMap map;
    map.root_.store(root.take_word(), std::memory_order_relaxed);
    return map;
  }
};

}  // namespace lares::matrix
