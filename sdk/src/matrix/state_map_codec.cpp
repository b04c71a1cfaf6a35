// SPDX-License-Identifier: Apache-2.0
// How nodes stand in blocks. All numbers are varints of seven bits a byte, lowest first, unless said
// otherwise.
//
//   block   version (one byte, 1), number of nodes, the length of each node in bytes, the nodes
//   leaf    one byte: 1 | (entries - 1) << 1; first key; greatest value; then for each entry its distance
//   from the key
//           before, less one (not for the first), and the distance of its value below the greatest
//   branch  one byte: shift / 4 << 1 | all sixteen digits begin a child << 5 | kind << 6, where kind is 0
//   (all children
//           are leaves), 1 (all are branches) or 2 (mixed); count; the prefix without what follows it; the
//           digits at which children begin (two bytes, unless all do); which of them are branches (two bytes,
//           when mixed); for each child the distance of its block below this one << 3 | min(place in the
//           block, 7), and where that is 7 the place - 7
//
// Distances within a room are small, so most references take two bytes. A node stands in its block before its
// children.
#include "state_map_node.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <limits>
#include <optional>
#include <stdexcept>

namespace lares::matrix {

namespace {

constexpr char kBlockVersion = 1;
constexpr std::size_t kBlockNodes = 255;
/// A block of more takes pages of its own in SQLite's clustered tables.
constexpr std::size_t kBlockBytes = 900;
constexpr std::uint64_t kNearPlaces = 7;

void put(std::string& out, std::uint64_t value) {
  while (value >= 0x80U) {
    out.push_back(static_cast<char>(value | 0x80U));
    value >>= 7U;
  }
  out.push_back(static_cast<char>(value));
}

void put16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value));
  out.push_back(static_cast<char>(value >> 8U));
}

/// Reads numbers off the front; after a failure everything is 0 and failed() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : rest_{bytes} {}

  std::uint64_t number() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const unsigned next = byte();
      const std::uint64_t bits = next & 0x7FU;
      if (shift == 63 && bits > 1) {
        break;
      }
      value |= bits << shift;
      if ((next & 0x80U) == 0) {
        return failed_ ? 0 : value;
      }
    }
    failed_ = true;
    return 0;
  }
  unsigned byte() noexcept {
    if (rest_.empty()) {
      failed_ = true;
      return 0;
    }
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint16_t number16() noexcept {
    const unsigned low = byte();
    return static_cast<std::uint16_t>(low | (byte() << 8U));
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty() && !failed_; }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

void encode_leaf(const StateMap::Node& node, std::string& out) {
  const auto entries = node.entries();
  const std::uint64_t greatest = std::ranges::max_element(entries, {}, &StateEntry::value)->value;
  out.push_back(static_cast<char>(1U | (entries.size() - 1) << 1U));
  put(out, entries.front().key);
  put(out, greatest);
  put(out, greatest - entries.front().value);
  for (std::size_t index = 1; index < entries.size(); ++index) {
    put(out, entries[index].key - entries[index - 1].key - 1);
    put(out, greatest - entries[index].value);
  }
}

void encode_branch(const StateMap::Node& node, BlockId block, std::string& out) {
  const bool all_digits = node.starts == 0xFFFFU;
  const unsigned kind = node.branches == 0 ? 0U : node.branches == node.starts ? 1U : 2U;
  out.push_back(
      static_cast<char>((node.shift / kDigitBits) << 1U | (all_digits ? 1U << 5U : 0U) | kind << 6U));
  put(out, node.count);
  put(out, above(node.prefix, node.shift));
  if (!all_digits) {
    put16(out, node.starts);
  }
  if (kind == 2) {
    put16(out, node.branches);
  }
  for (unsigned index = 0; index < node.width; ++index) {
    const NodeId id = child_place(node, index).id();
    const std::uint64_t place = id & 0xFFU;
    put(out, (block - block_of(id)) << 3U | std::min(place, kNearPlaces));
    if (place >= kNearPlaces) {
      put(out, place - kNearPlaces);
    }
  }
}

NodeRef decode_leaf(unsigned head, Reader& reader) {
  const std::size_t size = (head >> 1U) + 1;
  if (size > kLeafEntries) {
    return {};
  }
  std::array<StateEntry, kLeafEntries> entries;
  std::uint64_t key = reader.number();
  const std::uint64_t greatest = reader.number();
  for (std::size_t index = 0; index < size; ++index) {
    if (index > 0) {
      const std::uint64_t step = reader.number();
      if (step >= std::numeric_limits<std::uint64_t>::max() - key) {
        return {};
      }
      key += step + 1;
    }
    const std::uint64_t below = reader.number();
    if (below > greatest) {
      return {};
    }
    entries[index] = {key, greatest - below};
  }
  return reader.at_end() ? make_leaf(std::span{entries}.first(size)) : NodeRef{};
}

class BlockDecoder {
 public:
  explicit BlockDecoder(std::string_view bytes, BlockId number) : number_{number}, reader_{bytes} {
    valid_ = reader_.byte() == static_cast<unsigned char>(kBlockVersion);
    count_ = reader_.number();
    valid_ = valid_ && count_ <= kBlockNodes && !reader_.failed();
    if (!valid_) {
      return;
    }
    std::uint64_t end = 0;
    for (std::size_t index = 0; index < count_; ++index) {
      const std::uint64_t length = reader_.number();
      // So small that the sum of all cannot overflow.
      if (length > bytes.size()) {
        valid_ = false;
        return;
      }
      end += length;
      ends_[index] = end;
    }
    valid_ = !reader_.failed() && end == reader_.rest().size();
  }

  [[nodiscard]] NodeRef node(std::size_t index) {
    // A tree names each node once; a graph of names could be read for ever.
    if (!valid_ || index >= count_ || read_[index]) {
      return {};
    }
    read_[index] = true;
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    Reader reader{reader_.rest().substr(begin, ends_[index] - begin)};
    const unsigned head = reader.byte();
    if (reader.failed()) {
      return {};
    }
    NodeRef made = (head & 1U) != 0 ? decode_leaf(head, reader) : branch(head, reader, index);
    if (made) {
      made->id.store(number_ << 8U | index, std::memory_order_relaxed);
    }
    return made;
  }

 private:
  [[nodiscard]] NodeRef branch(unsigned head, Reader& reader, std::size_t index) {
    const unsigned shift = ((head >> 1U) & 0xFU) * kDigitBits;
    const unsigned kind = head >> 6U;
    const std::uint64_t count = reader.number();
    const std::uint64_t upper = reader.number();
    const unsigned starts = (head & 0x20U) != 0 ? 0xFFFFU : reader.number16();
    const unsigned branches = kind == 0 ? 0U : kind == 1 ? starts : reader.number16();
    const bool prefix_fits = shift >= 60 ? upper == 0 : upper <= above(~std::uint64_t{0}, shift);
    if (reader.failed() || kind > 2 || !prefix_fits || (branches & ~starts) != 0 || count <= kLeafEntries ||
        starts == 0) {
      return {};
    }
    std::vector<ChildDraft> children;
    children.reserve(kDigits);
    for (unsigned start = 0; start < kDigits; ++start) {
      if (((starts >> start) & 1U) == 0) {
        continue;
      }
      const bool is_branch = ((branches >> start) & 1U) != 0;
      const std::uint64_t code = reader.number();
      std::uint64_t place = code & kNearPlaces;
      if (place == kNearPlaces) {
        place += reader.number();
      }
      const std::uint64_t distance = code >> 3U;
      if (reader.failed() || place >= kBlockNodes || distance >= number_) {
        return {};
      }
      NodeWord word = word_of((number_ - distance) << 8U | place);
      if (distance == 0) {
        // Children stand behind their parent, so this ends.
        if (place <= index) {
          return {};
        }
        word = node(place).take_word();
        if (word == 0) {
          return {};
        }
      }
      children.emplace_back(start, is_branch, word);
    }
    if (!reader.at_end()) {
      return {};
    }
    const std::uint64_t prefix = shift >= 60 ? 0 : upper << (shift + kDigitBits);
    NodeRef made = make_branch(shift, prefix, count, children);
    for (unsigned child = 0; child < made->width; ++child) {
      const NodePlace place = child_place(*made, child);
      if (const StateMap::Node* loaded = place.node(); loaded != nullptr && !fits(*loaded, place)) {
        return {};
      }
    }
    return made;
  }

  BlockId number_;
  Reader reader_;
  bool valid_ = false;
  std::uint64_t count_ = 0;
  std::array<std::size_t, kBlockNodes> ends_;
  std::bitset<kBlockNodes> read_;
};

class TreeEncoder {
 public:
  TreeEncoder(BlockId next, std::vector<StateBlock>& out) : next_{next}, out_{out} {}

  /// New nodes below `node`, itself last, that still wait for a block; a whole small subtree, so that what is
  /// read together stands together.
  struct Waiting {
    std::vector<const StateMap::Node*> nodes;
    std::size_t bytes = 0;
  };

  [[nodiscard]] Waiting gather(const StateMap::Node& node) {
    Waiting mine;
    if (node.leaf) {
      scratch_.clear();
      encode_leaf(node, scratch_);
      mine.bytes = scratch_.size() + 1;
    } else {
      std::vector<Waiting> below;
      for (unsigned index = 0; index < node.width; ++index) {
        const NodePlace place = child_place(node, index);
        if (place.id() == 0) {
          below.push_back(gather(*place.node()));
          mine.bytes += below.back().bytes;
        } else if (block_of(place.id()) >= next_) {
          throw std::invalid_argument{"StateMap::save: the first block's number is taken"};
        }
      }
      // References to older blocks take two or three bytes, to this one or two.
      const std::size_t own = 10 + std::size_t{3} * node.width;
      if (mine.bytes + own > kBlockBytes) {
        write(below);
        mine.bytes = 0;
      } else {
        for (Waiting& child : below) {
          mine.nodes.insert(mine.nodes.end(), child.nodes.begin(), child.nodes.end());
        }
      }
      mine.bytes += own;
    }
    mine.nodes.push_back(&node);
    return mine;
  }

  void write(std::span<const Waiting> subtrees) {
    std::vector<const StateMap::Node*> block;
    std::size_t bytes = 0;
    for (const Waiting& subtree : subtrees) {
      if (!block.empty() &&
          (bytes + subtree.bytes > kBlockBytes || block.size() + subtree.nodes.size() > kBlockNodes)) {
        write_block(block);
        block.clear();
        bytes = 0;
      }
      block.insert(block.end(), subtree.nodes.begin(), subtree.nodes.end());
      bytes += subtree.bytes;
    }
    if (!block.empty()) {
      write_block(block);
    }
  }

 private:
  /// `nodes` has children before parents; the block has them the other way round.
  void write_block(std::span<const StateMap::Node* const> nodes) {
    if (next_ > kMaxBlock) {
      throw std::invalid_argument{"StateMap::save: the block's number is too large"};
    }
    std::size_t place = nodes.size();
    for (const StateMap::Node* node : nodes) {
      node->id.store(next_ << 8U | --place, std::memory_order_relaxed);
    }
    std::string head(1, kBlockVersion);
    std::string body;
    put(head, nodes.size());
    for (std::size_t index = nodes.size(); index-- > 0;) {
      const std::size_t before = body.size();
      if (nodes[index]->leaf) {
        encode_leaf(*nodes[index], body);
      } else {
        encode_branch(*nodes[index], next_, body);
      }
      put(head, body.size() - before);
    }
    out_.push_back({next_, head + body});
    ++next_;
  }

  BlockId next_;
  std::vector<StateBlock>& out_;
  std::string scratch_;
};

}  // namespace

NodeRef decode_node(std::string_view block, NodeId id) {
  return BlockDecoder{block, block_of(id)}.node(id & 0xFFU);
}

void encode_tree(const StateMap::Node& root, BlockId next, std::vector<StateBlock>& out) {
  if (root.id.load(std::memory_order_relaxed) != 0) {
    return;
  }
  if (next == 0) {
    throw std::invalid_argument{"StateMap::save: blocks are numbered from 1"};
  }
  TreeEncoder encoder{next, out};
  const TreeEncoder::Waiting rest = encoder.gather(root);
  encoder.write({&rest, 1});
}

}  // namespace lares::matrix
