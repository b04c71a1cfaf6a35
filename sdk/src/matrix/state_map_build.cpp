// SPDX-License-Identifier: Apache-2.0
#include "state_map_node.hpp"

#include <algorithm>
#include <optional>

namespace lares::matrix {

namespace {

using Node = StateMap::Node;

/// What a tree is put together from: an entry, or a branch that is taken over as it is.
struct Part {
  std::uint64_t key = 0;
  std::uint64_t value = 0;
  const Node* branch = nullptr;
};

/// Makes the tree of parts, which ascend and do not overlap. Leaves that are the same as one of `old` are
/// taken from there.
class Builder {
 public:
  explicit Builder(const Node* old = nullptr) noexcept : old_{old} {}

  [[nodiscard]] NodeRef tree(std::span<const Part> parts) {
    if (parts.empty()) {
      return {};
    }
    if (fit_a_leaf(parts)) {
      return leaf(parts);
    }
    if (parts.size() == 1) {
      return NodeRef::share(parts.front().branch);
    }
    const std::uint64_t apart = parts.front().key ^ parts.back().key;
    const unsigned shift = (63U - static_cast<unsigned>(std::countl_zero(apart))) / kDigitBits * kDigitBits;
    const std::uint64_t prefix = shift >= 60 ? 0 : above(parts.front().key, shift) << (shift + kDigitBits);
    std::vector<ChildDraft> children;
    children.reserve(kDigits);
    range(shift, 0, kDigits, parts, children);
    std::uint64_t count = 0;
    for (const ChildDraft& child : children) {
      count += reinterpret_cast<const Node*>(child.word())->count;
    }
    return make_branch(shift, prefix, count, children);
  }

  /// Adds the children for parts within the digits [begin, end) at `shift`.
  void range(unsigned shift, unsigned begin, unsigned end, std::span<const Part> parts,
             std::vector<ChildDraft>& children) {
    if (parts.empty()) {
      return;
    }
    if (fit_a_leaf(parts)) {
      children.emplace_back(begin, false, leaf(parts).take_word());
      return;
    }
    if (end - begin == 1) {
      children.emplace_back(begin, true, tree(parts).take_word());
      return;
    }
    const unsigned middle = (begin + end) / 2;
    const auto split = std::ranges::partition_point(
        parts, [&](const Part& part) { return digit(part.key, shift) < middle; });
    const auto left = static_cast<std::size_t>(split - parts.begin());
    range(shift, begin, middle, parts.first(left), children);
    range(shift, middle, end, parts.subspan(left), children);
  }

 private:
  static bool fit_a_leaf(std::span<const Part> parts) noexcept {
    return parts.size() <= kLeafEntries &&
           std::ranges::none_of(parts, [](const Part& part) { return part.branch != nullptr; });
  }

  [[nodiscard]] NodeRef leaf(std::span<const Part> parts) const {
    std::array<StateEntry, kLeafEntries> buffer;
    std::ranges::transform(parts, buffer.begin(),
                           [](const Part& part) { return StateEntry{part.key, part.value}; });
    const auto entries = std::span{buffer}.first(parts.size());
    if (old_ != nullptr && old_->covers(entries.front().key)) {
      if (const auto index = old_->child_at(digit(entries.front().key, old_->shift))) {
        const Node* child = child_place(*old_, *index).node();
        if (child != nullptr && child->leaf && std::ranges::equal(child->entries(), entries)) {
          return NodeRef::share(child);
        }
      }
    }
    return make_leaf(entries);
  }

  const Node* old_;
};

void add_sets(std::span<const StateChange> changes, std::vector<Part>& out) {
  for (const StateChange& change : changes) {
    if (change.value) {
      out.push_back({change.key, *change.value, nullptr});
    }
  }
}

/// Adds the entries with the changes; gives whether anything differs.
bool merge(std::span<const StateEntry> entries, std::span<const StateChange> changes,
           std::vector<Part>& out) {
  bool differs = false;
  auto entry = entries.begin();
  for (const StateChange& change : changes) {
    while (entry != entries.end() && entry->key < change.key) {
      out.push_back({entry->key, entry->value, nullptr});
      ++entry;
    }
    const bool had = entry != entries.end() && entry->key == change.key;
    if (change.value) {
      out.push_back({change.key, *change.value, nullptr});
      differs = differs || !had || entry->value != *change.value;
    } else {
      differs = differs || had;
    }
    if (had) {
      ++entry;
    }
  }
  for (; entry != entries.end(); ++entry) {
    out.push_back({entry->key, entry->value, nullptr});
  }
  return differs;
}

bool removes(std::span<const StateChange> changes) noexcept {
  return std::ranges::any_of(changes, [](const StateChange& change) { return !change.value; });
}

/// The changes of keys whose digit at `shift` is in [begin, end).
std::span<const StateChange> within(std::span<const StateChange> changes, unsigned shift, unsigned begin,
                                    unsigned end) noexcept {
  const auto digit_of = [&](const StateChange& change) { return digit(change.key, shift); };
  const auto first = std::ranges::lower_bound(changes, begin, {}, digit_of);
  const auto last = std::ranges::lower_bound(first, changes.end(), end, {}, digit_of);
  return {first, last};
}

/// The changes before, within and behind a branch's range.
struct Split {
  std::span<const StateChange> before;
  std::span<const StateChange> inside;
  std::span<const StateChange> behind;
};
Split split(const Node& branch, std::span<const StateChange> changes) noexcept {
  const auto upper = [&](const StateChange& change) { return above(change.key, branch.shift); };
  const std::uint64_t own = above(branch.prefix, branch.shift);
  const auto first = std::ranges::lower_bound(changes, own, {}, upper);
  const auto last = std::ranges::upper_bound(first, changes.end(), own, {}, upper);
  return {{changes.begin(), first}, {first, last}, {last, changes.end()}};
}

void add_tree(const Node* node, std::vector<Part>& out) {
  if (node == nullptr) {
    return;
  }
  if (!node->leaf) {
    out.push_back({node->prefix, 0, node});
    return;
  }
  for (const StateEntry& entry : node->entries()) {
    out.push_back({entry.key, entry.value, nullptr});
  }
}

NodeRef change_leaf(const Node& leaf, std::span<const StateChange> changes) {
  std::vector<Part> parts;
  parts.reserve(leaf.width + changes.size());
  if (!merge(leaf.entries(), changes, parts)) {
    return NodeRef::share(&leaf);
  }
  return Builder{}.tree(parts);
}

/// Entries may go, so parts of the branch may become small enough to be one leaf: it is put together anew.
NodeRef change_and_join(const Node& branch, std::span<const StateChange> changes) {
  std::vector<Part> parts;
  std::vector<NodeRef> changed;
  bool differs = false;
  unsigned end = 0;
  for (unsigned index = 0; index < branch.width; ++index) {
    const NodePlace place = child_place(branch, index);
    const Node* child = place.node();
    // What lies in the gap before this child belongs to no child.
    const auto gap = within(changes, branch.shift, end, place.start);
    add_sets(gap, parts);
    differs = differs ||
              std::ranges::any_of(gap, [](const StateChange& change) { return change.value.has_value(); });
    end = branch.range_end(place.start);
    const auto inside = within(changes, branch.shift, place.start, end);
    if (inside.empty()) {
      add_tree(child, parts);
    } else if (child->leaf) {
      differs = merge(child->entries(), inside, parts) || differs;
    } else {
      changed.push_back(apply_changes(child, inside));
      differs = differs || changed.back().get() != child;
      add_tree(changed.back().get(), parts);
    }
  }
  const auto gap = within(changes, branch.shift, end, kDigits);
  add_sets(gap, parts);
  differs =
      differs || std::ranges::any_of(gap, [](const StateChange& change) { return change.value.has_value(); });
  return differs ? Builder{&branch}.tree(parts) : NodeRef::share(&branch);
}

/// Entries are set alone, so whatever was split stays split and children that are not concerned need not be
/// looked at.
class Setter {
 public:
  explicit Setter(const Node& branch) noexcept : branch_{branch}, count_{branch.count} {
    children_.reserve(kDigits);
  }

  [[nodiscard]] NodeRef run(std::span<const StateChange> changes) {
    range(0, kDigits, changes);
    if (!differs_) {
      return NodeRef::share(&branch_);
    }
    return make_branch(branch_.shift, branch_.prefix, count_, children_);
  }

 private:
  void range(unsigned begin, unsigned end, std::span<const StateChange> changes) {
    const unsigned mask = ((1U << end) - 1U) & ~((1U << begin) - 1U);
    unsigned starts = branch_.starts & mask;
    if (changes.empty()) {
      for (; starts != 0; starts &= starts - 1) {
        keep(static_cast<unsigned>(std::countr_zero(starts)));
      }
      return;
    }
    std::vector<Part> parts;
    if (starts == 0) {
      differs_ = true;
      count_ += changes.size();
      add_sets(changes, parts);
      Builder{}.range(branch_.shift, begin, end, parts, children_);
      return;
    }
    const auto start = static_cast<unsigned>(std::countr_zero(starts));
    const bool alone = std::has_single_bit(starts);
    if (alone && !branch_.branch_at(start)) {
      const Node* leaf = place(start).node();
      if (!merge(leaf->entries(), changes, parts)) {
        keep(start);
        return;
      }
      differs_ = true;
      count_ += parts.size() - leaf->width;
      Builder{}.range(branch_.shift, begin, end, parts, children_);
      return;
    }
    if (end - begin == 1) {
      const Node* child = place(start).node();
      NodeRef changed = apply_changes(child, changes);
      differs_ = differs_ || changed.get() != child;
      count_ += changed->count - child->count;
      children_.emplace_back(start, true, changed.take_word());
      return;
    }
    const unsigned middle = (begin + end) / 2;
    const auto left = within(changes, branch_.shift, begin, middle);
    range(begin, middle, left);
    range(middle, end, changes.subspan(left.size()));
  }

  [[nodiscard]] NodePlace place(unsigned start) const noexcept {
    return child_place(branch_, *branch_.child_at(start));
  }
  void keep(unsigned start) {
    const NodePlace at = place(start);
    const NodeWord word = at.word();
    retain_word(word);
    children_.emplace_back(start, branch_.branch_at(start), word);
  }

  const Node& branch_;
  std::uint64_t count_;
  bool differs_ = false;
  std::vector<ChildDraft> children_;
};

NodeRef change_inside(const Node& branch, std::span<const StateChange> changes) {
  if (changes.empty()) {
    return NodeRef::share(&branch);
  }
  return removes(changes) ? change_and_join(branch, changes) : Setter{branch}.run(changes);
}

}  // namespace

NodeRef apply_changes(const Node* node, std::span<const StateChange> changes) {
  if (node == nullptr) {
    std::vector<Part> parts;
    parts.reserve(changes.size());
    add_sets(changes, parts);
    return Builder{}.tree(parts);
  }
  if (node->leaf) {
    return change_leaf(*node, changes);
  }
  const Split parted = split(*node, changes);
  NodeRef inside = change_inside(*node, parted.inside);
  std::vector<Part> parts;
  add_sets(parted.before, parts);
  const std::size_t before = parts.size();
  add_tree(inside.get(), parts);
  const std::size_t own = parts.size();
  add_sets(parted.behind, parts);
  return before == 0 && own == parts.size() ? std::move(inside) : Builder{}.tree(parts);
}

void note_for_changes(const NodePlace& place, std::span<const StateChange> changes, MissingNodes& missing) {
  if (place.word() == 0 || changes.empty()) {
    return;
  }
  const Node* node = missing.get(place);
  if (node == nullptr || node->leaf) {
    return;
  }
  const auto inside = split(*node, changes).inside;
  const bool joins = removes(inside);
  for (unsigned index = 0; index < node->width; ++index) {
    const NodePlace child = child_place(*node, index);
    if (joins) {
      static_cast<void>(missing.get(child));
    }
    const auto of_child = within(inside, node->shift, child.start, node->range_end(child.start));
    if (!of_child.empty() && (!joins || child.node() != nullptr)) {
      note_for_changes(child, of_child, missing);
    }
  }
}

}  // namespace lares::matrix
