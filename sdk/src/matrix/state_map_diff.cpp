// SPDX-License-Identifier: Apache-2.0
#include "state_map_node.hpp"

#include <algorithm>

namespace lares::matrix {

namespace {

using Node = StateMap::Node;

/// One pass over two trees. What is missing is noted and passed over; the caller loads it and starts again,
/// so a tree is loaded level by level and only where the two differ.
class Comparison {
 public:
  Comparison(MissingNodes& missing, std::vector<StateDifference>& out) : missing_{missing}, out_{out} {}

  void run(const NodePlace& before, const NodePlace& after) {
    if (same_node(before, after)) {
      return;
    }
    if (before.word() == 0 || after.word() == 0) {
      flat({&before, 1}, {&after, 1});
      return;
    }
    const Node* a = missing_.get(before);
    const Node* b = missing_.get(after);
    if (a == nullptr || b == nullptr) {
      return;
    }
    if (a->leaf || b->leaf) {
      // A branch has more entries than a leaf may have, so this costs no more than the difference and a leaf.
      flat({&before, 1}, {&after, 1});
      return;
    }
    const unsigned shift = std::max(a->shift, b->shift);
    if (above(a->prefix, shift) != above(b->prefix, shift)) {
      flat({&before, 1}, {&after, 1});
      return;
    }
    const Children of_a = children(*a, before, shift);
    const Children of_b = children(*b, after, shift);
    ranges(of_a, of_b);
  }

 private:
  struct Child {
    NodePlace place;
    unsigned begin = 0;
    unsigned end = 0;
  };
  struct Children {
    std::array<Child, kDigits> all;
    std::size_t size = 0;

    void push(const Child& child) noexcept { all[size++] = child; }
  };

  /// What of a branch lies at each digit of `shift`: its children, or itself when it is further down.
  static Children children(const Node& node, const NodePlace& place, unsigned shift) noexcept {
    Children out;
    if (node.shift != shift) {
      const unsigned at = digit(node.prefix, shift);
      out.push({place, at, at + 1});
      return out;
    }
    for (unsigned index = 0; index < node.width; ++index) {
      const NodePlace child = child_place(node, index);
      out.push({child, child.start, node.range_end(child.start)});
    }
    return out;
  }

  /// Compares range by range: the smallest ranges that no child of either side reaches beyond.
  void ranges(const Children& before, const Children& after) {
    std::size_t a = 0;
    std::size_t b = 0;
    while (a < before.size || b < after.size) {
      const std::size_t first_a = a;
      const std::size_t first_b = b;
      const unsigned begin_a = a < before.size ? before.all[a].begin : kDigits;
      const unsigned begin_b = b < after.size ? after.all[b].begin : kDigits;
      unsigned end = std::min(begin_a, begin_b) + 1;
      while (true) {
        if (a < before.size && before.all[a].begin < end) {
          end = std::max(end, before.all[a++].end);
        } else if (b < after.size && after.all[b].begin < end) {
          end = std::max(end, after.all[b++].end);
        } else {
          break;
        }
      }
      if (a - first_a == 1 && b - first_b == 1) {
        run(before.all[first_a].place, after.all[first_b].place);
        continue;
      }
      std::array<NodePlace, kDigits> places_a;
      std::array<NodePlace, kDigits> places_b;
      std::transform(&before.all[first_a], before.all.data() + a, places_a.begin(),
                     [](const Child& child) { return child.place; });
      std::transform(&after.all[first_b], after.all.data() + b, places_b.begin(),
                     [](const Child& child) { return child.place; });
      flat(std::span{places_a}.first(a - first_a), std::span{places_b}.first(b - first_b));
    }
  }

  void flat(std::span<const NodePlace> before, std::span<const NodePlace> after) {
    std::vector<StateEntry> of_a;
    std::vector<StateEntry> of_b;
    for (const NodePlace& place : before) {
      if (place.word() != 0) {
        collect_entries(place, missing_, of_a);
      }
    }
    for (const NodePlace& place : after) {
      if (place.word() != 0) {
        collect_entries(place, missing_, of_b);
      }
    }
    auto a = of_a.begin();
    auto b = of_b.begin();
    while (a != of_a.end() || b != of_b.end()) {
      if (b == of_b.end() || (a != of_a.end() && a->key < b->key)) {
        out_.push_back({a->key, a->value, std::nullopt});
        ++a;
      } else if (a == of_a.end() || b->key < a->key) {
        out_.push_back({b->key, std::nullopt, b->value});
        ++b;
      } else {
        if (a->value != b->value) {
          out_.push_back({a->key, a->value, b->value});
        }
        ++a;
        ++b;
      }
    }
  }

  MissingNodes& missing_;
  std::vector<StateDifference>& out_;
};

}  // namespace

std::expected<std::vector<StateDifference>, StateMapError> StateMap::diff(const StateMap& before,
                                                                          const StateMap& after,
                                                                          NodeStore* store) {
  std::vector<StateDifference> out;
  const auto loaded = until_loaded(store, [&](MissingNodes& missing) {
    out.clear();
    Comparison{missing, out}.run(StateMapAccess::root(before), StateMapAccess::root(after));
  });
  if (!loaded) {
    return std::unexpected{loaded.error()};
  }
  return out;
}

std::expected<bool, StateMapError> StateMap::equal(const StateMap& a, const StateMap& b, NodeStore* store) {
  const auto differences = diff(a, b, store);
  if (!differences) {
    return std::unexpected{differences.error()};
  }
  return differences->empty();
}

}  // namespace lares::matrix
