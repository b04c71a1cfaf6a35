// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// The number under which a store has a node; 0 is none.
using NodeId = std::uint64_t;

/// Where the nodes of state maps are kept. A node's bytes never change; what its number is, is the store's
/// affair.
///
/// **Threads** those of the caller: a map calls the store only inside its own functions that take one.
class LARES_EXPORT NodeStore {
 public:
  virtual ~NodeStore();
  /// Puts the bytes of the given nodes into `out`, index by index; an absent node leaves its string empty.
  virtual void load(std::span<const NodeId> nodes, std::span<std::string> out) = 0;
  /// Keeps a node and numbers it.
  [[nodiscard]] virtual NodeId save(std::string_view bytes) = 0;
};

enum class StateMapErrorCode : std::uint8_t {
  kNodeMissing,    ///< the store does not have a node that the tree names
  kNodeMalformed,  ///< a node's bytes are no node
};

struct StateMapError {
  StateMapErrorCode code{};
  NodeId node = 0;
};

[[nodiscard]] LARES_EXPORT std::string_view describe(StateMapErrorCode code) noexcept;

/// A change of one entry: to a value, or away when there is none.
struct StateChange {
  std::uint64_t key = 0;
  std::optional<std::uint64_t> value;

  bool operator==(const StateChange&) const = default;
};

/// How one entry differs between two maps.
struct StateDifference {
  std::uint64_t key = 0;
  std::optional<std::uint64_t> before;
  std::optional<std::uint64_t> after;

  bool operator==(const StateDifference&) const = default;
};

/// The state of a room at one point: an immutable map from the number of a (type, state key) to the number of
/// an event.
///
/// Maps share what they have in common: a change copies the path to its entry, and comparing two maps costs
/// in the order of their difference, since equal subtrees are the same node. The shape of a tree follows from
/// its entries alone, so equal maps have equal trees whatever their history. A map that was opened from a
/// store loads a node when it is first needed and keeps it; a map that was changed holds new nodes in memory
/// until save() gives them to a store.
///
/// Copying a map is copying a pointer.
///
/// **Threads** a map may be read by many threads when it is wholly in memory (made here, or after load_all);
/// while it still loads, by one.
class LARES_EXPORT StateMap {
 public:
  /// The empty map.
  StateMap() noexcept;
  /// The map whose root a store has under this number; 0 is the empty map. Nothing is loaded yet.
  /// `store` outlives the map and every map made of it.
  [[nodiscard]] static StateMap open(NodeId root, NodeStore& store);

  StateMap(const StateMap&) noexcept;
  StateMap(StateMap&&) noexcept;
  StateMap& operator=(const StateMap&) noexcept;
  StateMap& operator=(StateMap&&) noexcept;
  ~StateMap();

  [[nodiscard]] std::expected<std::optional<std::uint64_t>, StateMapError> find(std::uint64_t key) const;
  /// The map with these changes, of which each key may stand once; in order of the changes times the depth of
  /// the tree.
  [[nodiscard]] std::expected<StateMap, StateMapError> with(std::span<const StateChange> changes) const;
  [[nodiscard]] std::expected<StateMap, StateMapError> with(std::uint64_t key, std::uint64_t value) const;
  [[nodiscard]] std::expected<StateMap, StateMapError> without(std::uint64_t key) const;
  /// A map of these entries; quicker than one change after the other.
  [[nodiscard]] static StateMap from(std::span<const StateChange> entries);

  /// The number of entries; loads at most the root.
  [[nodiscard]] std::expected<std::size_t, StateMapError> size() const;
  [[nodiscard]] bool empty() const noexcept;
  /// Calls for each entry, in an order that follows from the entries alone; false from `visit` ends it.
  [[nodiscard]] std::expected<void, StateMapError> for_each(
      const std::function<bool(std::uint64_t key, std::uint64_t value)>& visit) const;
  /// What differs from `before` to `after`, in the order of for_each, at a cost in the order of the
  /// difference.
  [[nodiscard]] static std::expected<std::vector<StateDifference>, StateMapError> diff(const StateMap& before,
                                                                                       const StateMap& after);
  /// Loads every node that is not in memory yet, level by level, so that a store is asked as often as the
  /// tree is deep.
  [[nodiscard]] std::expected<void, StateMapError> load_all() const;

  /// Gives the nodes that no store has yet to `store`, children first, and gives the root's number; 0 when
  /// empty. The map shares them as stored from then on.
  [[nodiscard]] NodeId save(NodeStore& store) const;
  /// The root's number, if a store has it.
  [[nodiscard]] std::optional<NodeId> root() const noexcept;

  /// Calls for the number of each node below `root` that is not below `keep`: what a store may drop when the
  /// state at `root` is no longer wanted and the one at `keep` is.
  [[nodiscard]] static std::expected<void, StateMapError> for_each_node_not_in(
      const StateMap& root, const StateMap& keep, const std::function<void(NodeId)>& visit);

  /// Whether both have the same entries; quick when they share nodes.
  [[nodiscard]] static std::expected<bool, StateMapError> equal(const StateMap& a, const StateMap& b);

  /// Opaque.
  struct Node;

 private:
  explicit StateMap(std::shared_ptr<const Node> root, NodeStore* store) noexcept;

  std::shared_ptr<const Node> root_;
  NodeStore* store_ = nullptr;
};

}  // namespace lares::matrix
