// SPDX-License-Identifier: Apache-2.0
#include "state_map_node.hpp"

#include <algorithm>
#include <functional>
#include <tuple>
#include <unordered_set>

namespace lares::matrix {

NodeStore::~NodeStore() = default;

std::string_view describe(StateMapErrorCode code) noexcept {
  switch (code) {
    case StateMapErrorCode::kNotLoaded:
      return "a node of the room's state is not in memory";
    case StateMapErrorCode::kNodeMissing:
      return "a block of the room's state is missing from the store";
    case StateMapErrorCode::kNodeMalformed:
      return "a block of the room's state is malformed";
  }
  return "unknown error of a state map";
}

StateMap StateMap::open(NodeId root) noexcept {
  StateMap map;
  map.root_.store(root == 0 ? 0 : word_of(root), std::memory_order_relaxed);
  return map;
}

StateMap StateMap::from(std::span<const StateChange> entries) {
  // Into an empty map nothing needs to be loaded.
  return *StateMap{}.with(entries);
}

StateMap::StateMap(const StateMap& other) noexcept {
  // The other map holds its root while it is copied, and a root only ever goes from a name to a node.
  const NodeWord word = other.root_.load(std::memory_order_acquire);
  retain_word(word);
  root_.store(word, std::memory_order_relaxed);
}

StateMap::StateMap(StateMap&& other) noexcept : root_{other.root_.exchange(0, std::memory_order_acq_rel)} {}

StateMap& StateMap::operator=(const StateMap& other) noexcept {
  if (this != &other) {
    *this = StateMap{other};
  }
  return *this;
}

StateMap& StateMap::operator=(StateMap&& other) noexcept {
  if (this != &other) {
    const NodeWord mine =
        root_.exchange(other.root_.exchange(0, std::memory_order_acq_rel), std::memory_order_acq_rel);
    release_word(mine);
  }
  return *this;
}

StateMap::~StateMap() {
  release_word(root_.load(std::memory_order_acquire));
}

bool StateMap::empty() const noexcept {
  return root_.load(std::memory_order_relaxed) == 0;
}

std::expected<std::optional<std::uint64_t>, StateMapError> StateMap::find(std::uint64_t key,
                                                                          NodeStore* store) const {
  NodePlace place = StateMapAccess::root(*this);
  if (place.word() == 0) {
    return std::nullopt;
  }
  while (true) {
    const Node* node = place.node();
    if (node == nullptr) {
      // Another thread may load it meanwhile, and then there is nothing to ask for.
      MissingNodes missing;
      static_cast<void>(missing.get(place));
      if (const auto loaded = missing.load(store); !loaded) {
        return std::unexpected{loaded.error()};
      }
      continue;
    }
    if (node->leaf) {
      const auto found = std::ranges::lower_bound(node->entries(), key, {}, &StateEntry::key);
      if (found == node->entries().end() || found->key != key) {
        return std::nullopt;
      }
      return found->value;
    }
    const auto child = node->covers(key) ? node->child_at(digit(key, node->shift)) : std::nullopt;
    if (!child) {
      return std::nullopt;
    }
    place = child_place(*node, *child);
  }
}

namespace {

std::vector<StateChange> last_of_each_key(std::span<const StateChange> changes) {
  std::vector<const StateChange*> order;
  order.reserve(changes.size());
  for (const StateChange& change : changes) {
    order.push_back(&change);
  }
  std::ranges::sort(order, [](const StateChange* a, const StateChange* b) {
    return std::tie(a->key, a) < std::tie(b->key, b);
  });
  std::vector<StateChange> out;
  out.reserve(order.size());
  for (const StateChange* change : order) {
    if (!out.empty() && out.back().key == change->key) {
      out.back() = *change;
    } else {
      out.push_back(*change);
    }
  }
  return out;
}

}  // namespace

std::expected<StateMap, StateMapError> StateMap::with(std::span<const StateChange> changes,
                                                      NodeStore* store) const {
  std::vector<StateChange> sorted{changes.begin(), changes.end()};
  if (std::ranges::adjacent_find(sorted, std::greater_equal{}, &StateChange::key) != sorted.end()) {
    sorted = last_of_each_key(changes);
  }

  const NodePlace root = StateMapAccess::root(*this);
  if (const auto loaded =
          until_loaded(store, [&](MissingNodes& missing) { note_for_changes(root, sorted, missing); });
      !loaded) {
    return std::unexpected{loaded.error()};
  }
  if (sorted.empty()) {
    return *this;
  }
  return StateMapAccess::make(apply_changes(root.node(), sorted));
}

std::expected<StateMap, StateMapError> StateMap::with(std::uint64_t key, std::uint64_t value,
                                                      NodeStore* store) const {
  const StateChange change{key, value};
  return with({&change, 1}, store);
}

std::expected<StateMap, StateMapError> StateMap::without(std::uint64_t key, NodeStore* store) const {
  const StateChange change{key, std::nullopt};
  return with({&change, 1}, store);
}

std::expected<std::size_t, StateMapError> StateMap::size(NodeStore* store) const {
  const NodePlace root = StateMapAccess::root(*this);
  std::size_t count = 0;
  const auto loaded = until_loaded(store, [&](MissingNodes& missing) {
    const Node* node = root.word() == 0 ? nullptr : missing.get(root);
    count = node == nullptr ? 0 : node->count;
  });
  if (!loaded) {
    return std::unexpected{loaded.error()};
  }
  return count;
}

namespace {

/// Loads a tree level by level.
std::expected<void, StateMapError> load_tree(const NodePlace& root, NodeStore* store) {
  std::vector<NodePlace> level;
  if (root.word() != 0) {
    level.push_back(root);
  }
  while (!level.empty()) {
    MissingNodes missing;
    for (const NodePlace& place : level) {
      static_cast<void>(missing.get(place));
    }
    if (!missing.empty()) {
      if (auto loaded = missing.load(store); !loaded) {
        return loaded;
      }
    }
    std::vector<NodePlace> next;
    for (const NodePlace& place : level) {
      const StateMap::Node* node = place.node();
      for (unsigned index = 0; index < node->children().size(); ++index) {
        next.push_back(child_place(*node, index));
      }
    }
    level.swap(next);
  }
  return {};
}

bool visit_tree(const NodePlace& place, const std::function<bool(std::uint64_t, std::uint64_t)>& visit) {
  const StateMap::Node* node = place.node();
  for (const StateEntry& entry : node->entries()) {
    if (!visit(entry.key, entry.value)) {
      return false;
    }
  }
  for (unsigned index = 0; index < node->children().size(); ++index) {
    if (!visit_tree(child_place(*node, index), visit)) {
      return false;
    }
  }
  return true;
}

std::size_t tree_bytes(const NodePlace& place) {
  const StateMap::Node* node = place.node();
  if (node == nullptr) {
    return 0;
  }
  std::size_t bytes = sizeof(*node) + node->entries().size_bytes() + node->children().size_bytes();
  for (unsigned index = 0; index < node->children().size(); ++index) {
    bytes += tree_bytes(child_place(*node, index));
  }
  return bytes;
}

/// Which nodes and blocks some maps need, found level by level without loading leaves.
class Marker {
 public:
  explicit Marker(NodeStore* store) : store_{store} {}

  /// Nodes that `known` has seen, and what is below them, are passed over.
  std::expected<void, StateMapError> mark(std::span<const StateMap> maps, const Marker* known) {
    struct Step {
      NodePlace place;
      bool branch = true;
    };
    std::vector<Step> level;
    const auto add = [&](const NodePlace& place, bool branch) {
      const NodeId id = place.id();
      if (id != 0) {
        if ((known != nullptr && known->nodes_.contains(id)) || !nodes_.insert(id).second) {
          return;
        }
        blocks_.insert(block_of(id));
      }
      level.push_back({place, branch});
    };
    for (const StateMap& map : maps) {
      const NodePlace root = StateMapAccess::root(map);
      if (root.word() != 0) {
        add(root, true);
      }
    }
    while (!level.empty()) {
      std::vector<Step> now;
      now.swap(level);
      MissingNodes missing;
      for (const Step& step : now) {
        if (step.branch) {
          static_cast<void>(missing.get(step.place));
        }
      }
      if (!missing.empty()) {
        if (auto loaded = missing.load(store_); !loaded) {
          return loaded;
        }
      }
      for (const Step& step : now) {
        const StateMap::Node* node = step.place.node();
        for (unsigned index = 0; node != nullptr && index < node->children().size(); ++index) {
          const NodePlace child = child_place(*node, index);
          add(child, node->branch_at(child.start));
        }
      }
    }
    return {};
  }

  [[nodiscard]] const std::unordered_set<BlockId>& blocks() const noexcept { return blocks_; }

 private:
  NodeStore* store_;
  std::unordered_set<NodeId> nodes_;
  std::unordered_set<BlockId> blocks_;
};

}  // namespace

std::expected<void, StateMapError> StateMap::for_each(
    const std::function<bool(std::uint64_t key, std::uint64_t value)>& visit, NodeStore* store) const {
  const NodePlace root = StateMapAccess::root(*this);
  if (root.word() == 0) {
    return {};
  }
  if (auto loaded = load_tree(root, store); !loaded) {
    return loaded;
  }
  visit_tree(root, visit);
  return {};
}

std::expected<void, StateMapError> StateMap::load(std::span<const std::uint64_t> keys,
                                                  NodeStore& store) const {
  std::vector<StateChange> sets;
  sets.reserve(keys.size());
  for (const std::uint64_t key : keys) {
    sets.push_back({key, 0});
  }
  std::ranges::sort(sets, {}, &StateChange::key);
  const NodePlace root = StateMapAccess::root(*this);
  return until_loaded(&store, [&](MissingNodes& missing) { note_for_changes(root, sets, missing); });
}

std::expected<void, StateMapError> StateMap::load_all(NodeStore& store) const {
  return load_tree(StateMapAccess::root(*this), &store);
}

NodeId StateMap::save(BlockId next, std::vector<StateBlock>& out) const {
  const NodePlace root = StateMapAccess::root(*this);
  if (root.id() == 0 && root.word() != 0) {
    encode_tree(*root.node(), next, out);
  }
  return root.id();
}

std::optional<NodeId> StateMap::root() const noexcept {
  const NodePlace root = StateMapAccess::root(*this);
  const NodeId id = root.id();
  return id == 0 && root.word() != 0 ? std::nullopt : std::optional{id};
}

std::expected<std::vector<BlockId>, StateMapError> StateMap::blocks_not_in(std::span<const StateMap> dropped,
                                                                           std::span<const StateMap> kept,
                                                                           NodeStore* store) {
  Marker keep{store};
  if (const auto marked = keep.mark(kept, nullptr); !marked) {
    return std::unexpected{marked.error()};
  }
  Marker drop{store};
  if (const auto marked = drop.mark(dropped, &keep); !marked) {
    return std::unexpected{marked.error()};
  }
  std::vector<BlockId> out;
  std::ranges::copy_if(drop.blocks(), std::back_inserter(out),
                       [&](BlockId block) { return !keep.blocks().contains(block); });
  std::ranges::sort(out);
  return out;
}

std::size_t StateMap::memory_bytes() const noexcept {
  const NodePlace root = StateMapAccess::root(*this);
  return root.word() == 0 ? 0 : tree_bytes(root);
}

}  // namespace lares::matrix
