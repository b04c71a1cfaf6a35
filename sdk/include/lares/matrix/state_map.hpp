// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// The number of a block: one row of a store, which holds one node of a map or several. A room counts its own
/// from 1.
using BlockId = std::uint64_t;
/// Names a node: its block, and its place in it. 0 is the empty map's root.
using NodeId = std::uint64_t;

/// The block that a node stands in.
[[nodiscard]] constexpr BlockId block_of(NodeId node) noexcept {
  return node >> 8U;
}
/// Largest number a block may have.
inline constexpr BlockId kMaxBlock = (BlockId{1} << 54U) - 1;

/// Where maps load the blocks of one room from.
///
/// **Threads** those of the caller: a map asks the store only inside the functions that are given one.
class LARES_EXPORT NodeStore {
 public:
  virtual ~NodeStore();
  /// Calls give(index, bytes) once for each of these blocks that it has, in any order. `blocks` is ascending
  /// and has no number twice; there may be thousands. The bytes are read before `give` returns.
  virtual void load(std::span<const BlockId> blocks,
                    const std::function<void(std::size_t, std::string_view)>& give) = 0;
};

/// What a store keeps: never changed, and smaller than 2 KB.
struct StateBlock {
  BlockId number = 0;
  std::string bytes;

  bool operator==(const StateBlock&) const = default;
};

enum class StateMapErrorCode : std::uint8_t {
  kNotLoaded,      ///< the node is not in memory, and no store was given
  kNodeMissing,    ///< the store does not have the block that the tree names
  kNodeMalformed,  ///< a block's bytes are none, or do not fit where the tree names them
};

struct StateMapError {
  StateMapErrorCode code{};
  NodeId node = 0;

  bool operator==(const StateMapError&) const = default;
};

/// An English sentence without a full stop.
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
/// in the order of their difference, since equal parts are the same node. The shape of a tree follows from
/// its entries alone, so equal maps have equal trees whatever their history. A map that was opened from a
/// store loads a node when it is first needed and keeps it. Every function that may need one takes the store
/// of the room; without it, it works on what is in memory and names the first node that is not. A map does
/// not hold on to a store, so it outlives a database's snapshot.
///
/// What is made by a change lives in memory until save() turns it into blocks: one for a change of a few
/// entries.
///
/// Copying a map is copying a pointer. Maps of different rooms must not meet: block numbers are a room's own.
///
/// **Threads** any; save() of maps of one room, from one thread at a time.
class LARES_EXPORT StateMap {
 public:
  /// The empty map.
  StateMap() noexcept = default;
  /// The map whose root a store has under this name; 0 is the empty map. Nothing is loaded yet.
  [[nodiscard]] static StateMap open(NodeId root) noexcept;
  /// A map of these entries, of which each key stands once and has a value (others are passed over); quicker
  /// than one change after the other.
  [[nodiscard]] static StateMap from(std::span<const StateChange> entries);

  StateMap(const StateMap& other) noexcept;
  StateMap(StateMap&& other) noexcept;
  StateMap& operator=(const StateMap& other) noexcept;
  StateMap& operator=(StateMap&& other) noexcept;
  ~StateMap();

  [[nodiscard]] std::expected<std::optional<std::uint64_t>, StateMapError> find(
      std::uint64_t key, NodeStore* store = nullptr) const;
  /// The map with these changes; in order of the changes times the depth of the tree. Of two changes of one
  /// key the later holds. A change that changes nothing gives the same map back.
  [[nodiscard]] std::expected<StateMap, StateMapError> with(std::span<const StateChange> changes,
                                                            NodeStore* store = nullptr) const;
  [[nodiscard]] std::expected<StateMap, StateMapError> with(std::uint64_t key, std::uint64_t value,
                                                            NodeStore* store = nullptr) const;
  [[nodiscard]] std::expected<StateMap, StateMapError> without(std::uint64_t key,
                                                               NodeStore* store = nullptr) const;

  /// The number of entries; needs the root alone.
  [[nodiscard]] std::expected<std::size_t, StateMapError> size(NodeStore* store = nullptr) const;
  [[nodiscard]] bool empty() const noexcept;
  /// Calls for each entry in ascending order of the key; false from `visit` ends it. What is missing is
  /// loaded first.
  [[nodiscard]] std::expected<void, StateMapError> for_each(
      const std::function<bool(std::uint64_t key, std::uint64_t value)>& visit,
      NodeStore* store = nullptr) const;
  /// What differs from `before` to `after`, in ascending order of the key, at a cost in the order of the
  /// difference. The store is asked once for each level of the tree.
  [[nodiscard]] static std::expected<std::vector<StateDifference>, StateMapError> diff(
      const StateMap& before, const StateMap& after, NodeStore* store = nullptr);
  /// Whether both have the same entries; quick when they share nodes.
  [[nodiscard]] static std::expected<bool, StateMapError> equal(const StateMap& a, const StateMap& b,
                                                                NodeStore* store = nullptr);

  /// Loads what finding or setting these keys needs, with one question to the store for each level of the
  /// tree.
  [[nodiscard]] std::expected<void, StateMapError> load(std::span<const std::uint64_t> keys,
                                                        NodeStore& store) const;
  /// Loads everything, with one question to the store for each level of the tree.
  [[nodiscard]] std::expected<void, StateMapError> load_all(NodeStore& store) const;

  /// Puts the nodes that were never saved into blocks numbered from `next` on, adds these to `out`, and gives
  /// the root's name. `next` is greater than the number of every block of the room so far.
  ///
  /// From then on the map, and every map that shares these nodes, counts on the store having the blocks. If
  /// they do not get there (the transaction failed for good), drop these maps and go on from one that was
  /// stored before.
  ///
  /// **Errors** std::invalid_argument when `next` is not greater.
  [[nodiscard]] NodeId save(BlockId next, std::vector<StateBlock>& out) const;
  /// The root's name; nothing when the map was changed and never saved.
  [[nodiscard]] std::optional<NodeId> root() const noexcept;

  /// The blocks, ascending, that some map of `dropped` needs and none of `kept`: what a store may delete when
  /// `kept` are all that is still wanted. Maps that were not saved have no blocks of their own, but those
  /// they share count. Costs in the order of the branches of the distinct nodes; leaves are not loaded.
  [[nodiscard]] static std::expected<std::vector<BlockId>, StateMapError> blocks_not_in(
      std::span<const StateMap> dropped, std::span<const StateMap> kept, NodeStore* store = nullptr);

  /// Bytes of the nodes that are in memory, shared or not.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  /// Opaque.
  struct Node;

 private:
  friend struct StateMapAccess;

  /// A counted pointer to the root; or, tagged, its name while it is not loaded; 0 when empty.
  mutable std::atomic<std::uint64_t> root_{0};
};

}  // namespace lares::matrix
