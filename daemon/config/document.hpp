// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/diagnostics.hpp>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::config {

/// Where something stands.
struct Mark {
  int source = -1;  ///< index into Sources::names; -1 for nowhere (a default)
  int line = 0;     ///< from 1
};

/// A value as it stands in a file: the text of a scalar is kept until its declaration says what to read it
/// as.
struct Node {
  enum class Kind { Null, Scalar, Sequence, Mapping };
  struct Entry;

  Kind kind = Kind::Null;
  bool quoted = false;  ///< the scalar was quoted or a block, so it is text whatever it looks like
  Mark mark;
  std::string text;            ///< Scalar
  std::vector<Node> items;     ///< Sequence
  std::vector<Entry> entries;  ///< Mapping, in the order of the file

  [[nodiscard]] const Entry* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  Mark key_mark;
  Node value;
};

/// Bounds on one document, aliases and merge keys expanded.
struct DocumentLimits {
  std::size_t bytes = 4u << 20;            ///< of the text
  std::size_t depth = 64;                  ///< of nesting
  std::size_t nodes = 200'000;             ///< after expansion
  std::size_t expanded_bytes = 16u << 20;  ///< of all scalars after expansion
};

/// Reads one YAML document, as files of homeserver.yaml's kind use it: mappings with scalar keys, no
/// duplicate key, anchors, aliases and merge keys, no tags but the core ones. An empty text is Null.
///
/// **Errors**: the first thing wrong, with its line; never throws on any input and never exceeds `limits` by
/// more than one node.
[[nodiscard]] std::expected<Node, Diagnostic> parse_document(std::string_view text, int source,
                                                             std::string_view name,
                                                             const DocumentLimits& limits = {});

}  // namespace lares::config
