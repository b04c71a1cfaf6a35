// SPDX-License-Identifier: Apache-2.0
#include <http/router_impl.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lares::http {

struct RouterImpl::Leaf {
  static constexpr std::int32_t kNone = -1;

  struct Entry {
    std::int32_t route = kNone;
    std::vector<std::string> names;
  };
  std::array<Entry, kMethods> entries;
};

struct RouterImpl::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  ///< sorted
  std::unique_ptr<Node> parameter;
  Leaf here;
  Leaf rest;  ///< of patterns that end in `{name*}`

  [[nodiscard]] Node* literal(std::string_view segment) const noexcept {
    const auto at =
        std::lower_bound(literals.begin(), literals.end(), segment,
                         [](const auto& entry, std::string_view text) { return entry.first < text; });
    return at != literals.end() && at->first == segment ? at->second.get() : nullptr;
  }
};

namespace {

/// Cuts the first segment off a path that begins with '/'. What is left is empty or begins with '/'.
std::string_view next_segment(std::string_view& rest) noexcept {
  rest.remove_prefix(1);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, slash);
  rest.remove_prefix(slash);
  return segment;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

}  // namespace

void percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '%' && at + 2 < text.size()) {
      const int high = hex_digit(text[at + 1]);
      const int low = hex_digit(text[at + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        at += 2;
        continue;
      }
    }
    out += c == '+' && plus_is_space ? ' ' : c;
  }
}

RouterImpl::RouterImpl() : root_(std::make_unique<Node>()) {}
RouterImpl::~RouterImpl() = default;

std::uint32_t RouterImpl::resource_bit(std::string_view name) {
  auto at = std::find(resources_.begin(), resources_.end(), name);
  if (at == resources_.end()) {
    if (resources_.size() == 32) {
      throw std::logic_error(fmt::format("Too many listener resources; '{}' is one too many.", name));
    }
    at = resources_.emplace(resources_.end(), name);
  }
  return std::uint32_t{1} << static_cast<unsigned>(at - resources_.begin());
}

bool RouterImpl::knows_resource(std::string_view name) const noexcept {
  return std::find(resources_.begin(), resources_.end(), name) != resources_.end();
}

void RouterImpl::add_route(Route route) {
  route.plugin = plugin_;
  const auto index = static_cast<std::int32_t>(routes_.size());
  const auto method = static_cast<std::size_t>(route.method);
  if (route.patterns.empty()) {
    throw std::logic_error(fmt::format("Plugin '{}' registers a route without a path.", plugin_));
  }
  for (const std::string& pattern : route.patterns) {
    if (!pattern.starts_with('/')) {
      throw std::logic_error(
          fmt::format("Plugin '{}' registers the path '{}', which has no leading slash.", plugin_, pattern));
    }
    Node* node = root_.get();
    std::vector<std::string> names;
    bool takes_rest = false;
    std::string_view rest = pattern;
    if (rest.ends_with('/') && rest.size() > 1) {
      rest.remove_suffix(1);
    }
    while (!rest.empty()) {
      const std::string_view segment = next_segment(rest);
      if (!segment.starts_with('{')) {
        auto at =
            std::lower_bound(node->literals.begin(), node->literals.end(), segment,
                             [](const auto& entry, std::string_view text) { return entry.first < text; });
        if (at == node->literals.end() || at->first != segment) {
          at = node->literals.emplace(at, std::string(segment), std::make_unique<Node>());
        }
        node = at->second.get();
        continue;
      }
      takes_rest = segment.ends_with("*}");
      if (!segment.ends_with('}') || segment.size() < (takes_rest ? 4U : 3U) ||
          (takes_rest && !rest.empty())) {
        throw std::logic_error(fmt::format("Plugin '{}' registers the path '{}', whose '{}' is no parameter.",
                                           plugin_, pattern, segment));
      }
      names.emplace_back(segment.substr(1, segment.size() - (takes_rest ? 3 : 2)));
      if (names.size() > kMaxParams) {
        throw std::logic_error(
            fmt::format("Plugin '{}' registers the path '{}' with more than {} parameters.", plugin_, pattern,
                        kMaxParams));
      }
      if (takes_rest) {
        break;
      }
      if (node->parameter == nullptr) {
        node->parameter = std::make_unique<Node>();
      }
      node = node->parameter.get();
    }
    Leaf::Entry& entry = (takes_rest ? node->rest : node->here).entries[method];
    if (entry.route != Leaf::kNone) {
      const Route& other = entry.route == index ? route : routes_[static_cast<std::size_t>(entry.route)];
      throw std::logic_error(fmt::format("Plugin '{}' registers {} {}, which plugin '{}' has already.",
                                         plugin_, to_string(route.method), pattern, other.plugin));
    }
    entry.route = index;
    entry.names = std::move(names);
  }
  route_bits_.push_back(resource_bit(route.options.resource));
  routes_.push_back(std::move(route));
}

bool RouterImpl::take(const Leaf& leaf, Method method, std::uint32_t resources, Match& match) const {
  for (std::size_t at = 0; at < kMethods; ++at) {
    const Leaf::Entry& entry = leaf.entries[at];
    if (entry.route == Leaf::kNone || (route_bits_[static_cast<std::size_t>(entry.route)] & resources) == 0) {
      continue;
    }
    match.allowed |= static_cast<std::uint8_t>(1U << at);
    if (at == static_cast<std::size_t>(method)) {
      match.route_index = static_cast<std::uint32_t>(entry.route);
      match.route = &routes_[match.route_index];
      match.names = entry.names;
    }
  }
  return match.route != nullptr;
}

// Depth is bounded by the trie's, so by the patterns and not by the path.
void RouterImpl::find(const Node& node, std::string_view rest, std::size_t depth, Method method,
                      std::uint32_t resources, Match& match) const {
  if (rest.empty()) {
    take(node.here, method, resources, match);
    return;
  }
  std::string_view after = rest;
  const std::string_view segment = next_segment(after);
  if (const Node* literal = node.literal(segment)) {
    find(*literal, after, depth, method, resources, match);
    if (match.route != nullptr) {
      return;
    }
  }
  // An empty segment is a value only at the end of a path: an empty state key.
  if (node.parameter != nullptr && depth < kMaxParams && (!segment.empty() || after.empty())) {
    match.values[depth] = segment;
    find(*node.parameter, after, depth + 1, method, resources, match);
    if (match.route != nullptr) {
      return;
    }
  }
  if (depth < kMaxParams) {
    const std::string_view before = match.values[depth];
    match.values[depth] = rest.substr(1);
    if (take(node.rest, method, resources, match)) {
      return;
    }
    match.values[depth] = before;
  }
  if (segment.empty() && after.empty()) {
    take(node.here, method, resources, match);
  }
}

Match RouterImpl::match(Method method, std::string_view path, std::uint32_t resources) const {
  Match match;
  if (path.starts_with('/')) {
    find(*root_, path, 0, method, resources, match);
  }
  return match;
}

}  // namespace lares::http
