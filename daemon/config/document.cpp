// SPDX-License-Identifier: Apache-2.0
#include <config/document.hpp>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace lares::config {

namespace {

/// Carries the first thing wrong out of yaml-cpp's parser.
struct Failure {
  int line;
  std::string message;
};

// yaml-cpp takes the end of a file for the end of a quoted text that nobody closed. This comment behind the
// file is seen by nobody, unless it stands inside such a text. No file holds its control characters.
constexpr std::string_view kEndOfFile =
    "\x01\x02"
    "end of file"
    "\x02\x01";

/// What a subtree costs against the limits.
struct Weight {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
};

Weight weigh(const Node& node) {
  Weight weight{1, node.text.size()};
  for (const auto& item : node.items) {
    const Weight part = weigh(item);
    weight.nodes += part.nodes;
    weight.bytes += part.bytes;
  }
  for (const auto& entry : node.entries) {
    const Weight part = weigh(entry.value);
    weight.nodes += part.nodes;
    weight.bytes += part.bytes + entry.key.size();
  }
  return weight;
}

std::size_t depth_of(const Node& node) {
  std::size_t depth = 0;
  for (const auto& item : node.items) {
    depth = std::max(depth, depth_of(item));
  }
  for (const auto& entry : node.entries) {
    depth = std::max(depth, depth_of(entry.value));
  }
  return depth + 1;
}

/// Makes a Node out of the parser's events, and keeps to the limits while it does.
class Builder final : public YAML::EventHandler {
 public:
  Builder(int source, const DocumentLimits& limits) : source_(source), limits_(limits) {}

  [[nodiscard]] Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.mark = at(mark);
    charge({1, 0}, node.mark.line);
    complete(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int line = at(mark).line;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Failure{line, "an alias refers to a value that contains it"};
    }
    charge(found->second.weight, line);
    if (frames_.size() + found->second.depth > limits_.depth) {
      throw Failure{line, fmt::format("nested more than {} levels deep", limits_.depth)};
    }
    complete(Node(found->second.node), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::Scalar;
    node.mark = at(mark);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!node.quoted) {
      check_tag(tag, node.mark.line, {"int", "float", "bool"});
    }
    if (value.contains(kEndOfFile)) {
      throw Failure{node.mark.line, "a quotation mark is opened here and never closed"};
    }
    node.text = value;
    charge({1, value.size()}, node.mark.line);
    complete(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::Sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::Mapping, mark, tag, anchor);
  }
  void OnMapEnd() override {
    apply_merges(frames_.back());
    close();
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> key;  // of a mapping, read and waiting for its value
    bool key_is_merge = false;
    Mark key_mark;
    std::unordered_map<std::string, int> lines;  // of a mapping: where each key stands
    std::vector<Node> merges;                    // of a mapping: the values of "<<"
  };
  struct Anchored {
    Node node;
    Weight weight;
    std::size_t depth = 0;
  };

  [[nodiscard]] Mark at(const YAML::Mark& mark) const { return {source_, std::max(mark.line, 0) + 1}; }

  static void check_tag(const std::string& tag, int line, std::initializer_list<std::string_view> core) {
    if (tag.empty() || tag == "?" || tag == "!") {
      return;
    }
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag.starts_with(kCore) && std::ranges::find(core, tag.substr(kCore.size())) != core.end()) {
      return;
    }
    // It may as well be a password, which is not shown.
    throw Failure{
        line,
        "what begins with \"!\" is a tag, which means nothing here: remove it, or put the value into "
        "quotation marks if it is a text"};
  }

  void charge(const Weight& weight, int line) {
    used_.nodes += weight.nodes;
    used_.bytes += weight.bytes;
    if (used_.nodes > limits_.nodes) {
      throw Failure{line, fmt::format("more than {} values, aliases counted each time", limits_.nodes)};
    }
    if (used_.bytes > limits_.expanded_bytes) {
      throw Failure{line, fmt::format("more than {} bytes of values, aliases counted each time",
                                      limits_.expanded_bytes)};
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.mark = at(mark);
    frame.anchor = anchor;
    check_tag(tag, frame.node.mark.line, {kind == Node::Kind::Mapping ? "map" : "seq"});
    if (frames_.size() >= limits_.depth) {
      throw Failure{frame.node.mark.line, fmt::format("nested more than {} levels deep", limits_.depth)};
    }
    charge({1, 0}, frame.node.mark.line);
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    complete(std::move(frame.node), frame.anchor);
  }

  void complete(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      Anchored anchored{node, weigh(node), depth_of(node)};
      charge(anchored.weight, node.mark.line);
      anchors_.insert_or_assign(anchor, std::move(anchored));
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& top = frames_.back();
    if (top.node.kind == Node::Kind::Sequence) {
      top.node.items.push_back(std::move(node));
    } else if (!top.key) {
      take_key(top, std::move(node));
    } else if (top.key_is_merge) {
      top.merges.push_back(std::move(node));
      top.key.reset();
    } else {
      top.node.entries.push_back({std::move(*top.key), top.key_mark, std::move(node)});
      top.key.reset();
    }
  }

  static void take_key(Frame& frame, Node node) {
    if (node.kind != Node::Kind::Scalar) {
      throw Failure{node.mark.line, "a key has to be a plain name"};
    }
    frame.key_is_merge = node.text == "<<" && !node.quoted;
    frame.key_mark = node.mark;
    if (!frame.key_is_merge) {
      const auto [place, fresh] = frame.lines.emplace(node.text, node.mark.line);
      if (!fresh) {
        throw Failure{
            node.mark.line,
            fmt::format("the key \"{}\" stands here and in line {}; remove one of them",
                        node.text.substr(0, std::min<std::size_t>(node.text.find_first_of(" \t=:"), 100)),
                        place->second)};
      }
    }
    frame.key = std::move(node.text);
  }

  void apply_merges(Frame& frame) {
    for (const Node& merge : frame.merges) {
      if (merge.kind == Node::Kind::Mapping) {
        merge_into(frame, merge);
      } else if (merge.kind == Node::Kind::Sequence) {
        for (const Node& item : merge.items) {
          merge_into(frame, item);
        }
      } else {
        merge_into(frame, merge);
      }
    }
  }

  void merge_into(Frame& frame, const Node& from) {
    if (from.kind != Node::Kind::Mapping) {
      throw Failure{from.mark.line, "\"<<\" takes a mapping, or a list of them"};
    }
    for (const auto& entry : from.entries) {
      if (frame.lines.emplace(entry.key, entry.key_mark.line).second) {
        Weight weight = weigh(entry.value);
        weight.bytes += entry.key.size();
        charge(weight, entry.key_mark.line);
        frame.node.entries.push_back(entry);
      }
    }
  }

  int source_;
  const DocumentLimits& limits_;
  Node root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Weight used_;
};

struct BadByte {
  std::size_t offset;
  std::string_view what;
};

/// The first byte that no YAML text holds: broken UTF-8, or a control character.
std::optional<BadByte> find_bad_byte(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte(i);
    if (lead < 0x80) {
      if ((lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7F) {
        return BadByte{i, "a control character"};
      }
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    char32_t code = lead & (0xFFu >> (length + 1));
    bool good = lead >= 0xC2 && lead <= 0xF4 && i + length <= text.size();
    for (std::size_t k = 1; good && k < length; ++k) {
      good = (byte(i + k) & 0xC0u) == 0x80u;
      code = (code << 6) | (byte(i + k) & 0x3Fu);
    }
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!good || code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      return BadByte{i, "a byte that is not UTF-8"};
    }
    i += length;
  }
  return std::nullopt;
}

int line_of(std::string_view text, std::size_t offset) {
  return static_cast<int>(std::ranges::count(text.substr(0, offset), '\n')) + 1;
}

bool tab_indents(std::string_view text, int line) {
  for (; line > 1 && !text.empty(); --line) {
    const auto end = text.find('\n');
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  const auto first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

}  // namespace

const Node::Entry* Node::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() ? nullptr : &*found;
}

std::expected<Node, Diagnostic> parse_document(std::string_view text, int source, std::string_view name,
                                               const DocumentLimits& limits) {
  const auto failed = [&](int line, std::string message) {
    return std::unexpected(Diagnostic{Severity::Error, std::string(name), line, "", std::move(message)});
  };
  if (text.size() > limits.bytes) {
    return failed(0, fmt::format("larger than {} bytes", limits.bytes));
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  if (const auto bad = find_bad_byte(text)) {
    return failed(line_of(text, bad->offset),
                  fmt::format("{} (0x{:02X}); the file has to be text in UTF-8", bad->what,
                              static_cast<unsigned char>(text[bad->offset])));
  }
  try {
    std::istringstream in(fmt::format("{}{}#{}\n", text, text.ends_with('\n') ? "" : "\n", kEndOfFile));
    YAML::Parser parser(in);
    Builder builder(source, limits);
    parser.HandleNextDocument(builder);
    Node root = builder.take();
    Builder second(source, limits);
    if (parser.HandleNextDocument(second)) {
      return failed(0, "holds two documents (\"---\"); one file is one document");
    }
    return root;
  } catch (const Failure& failure) {
    return failed(failure.line, failure.message);
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 0 : std::min(error.mark.line + 1, line_of(text, text.size()));
    if (tab_indents(text, line)) {
      return failed(line, "a tab stands where YAML allows spaces only");
    }
    if (error.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) {
      // The parser goes on with the name, which may be a password.
      return failed(
          line,
          "what begins with \"*\" is an alias, and nothing has its name: put the value into quotation "
          "marks if it is a text");
    }
    return failed(line, fmt::format("not valid YAML: {}", error.msg));
  }
}

}  // namespace lares::config
