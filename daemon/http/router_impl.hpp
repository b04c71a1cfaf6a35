// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::http {

inline constexpr std::size_t kMethods = 5;
inline constexpr std::size_t kMaxParams = 8;

/// What a path leads to.
struct Match {
  /// Null: the path is unknown (`allowed` is empty), or it is known with other methods (`allowed` names
  /// them).
  const Route* route = nullptr;
  std::uint32_t route_index = 0;  ///< of `route` in routes()
  /// The names of the pattern's parameters, in the order of the path, and their values as received,
  /// percent-encoded.
  std::span<const std::string> names;
  std::array<std::string_view, kMaxParams> values;
  std::uint8_t allowed = 0;  ///< bit per Method that the path has
};

/// The daemon's router: a trie of path segments. Literal segments win over parameters, parameters over the
/// rest of the path; the trailing slash that some clients send is an empty last parameter where a pattern has
/// one there, and is ignored otherwise.
///
/// **Threads**: filled on one thread during start; read from any afterwards.
class RouterImpl final : public Router {
 public:
  RouterImpl();
  ~RouterImpl() override;

  /// Routes added from now on belong to this plugin. The host calls it before it constructs each plugin.
  void set_plugin(std::string name) { plugin_ = std::move(name); }
  [[nodiscard]] const std::vector<Route>& routes() const noexcept override { return routes_; }

  /// Finds the route of a path (without its query) that one of `resources` offers: a bit per resource, see
  /// resource_bit.
  [[nodiscard]] Match match(Method method, std::string_view path, std::uint32_t resources) const;

  /// The bit of a resource name. **Errors**: std::logic_error beyond 32 names.
  [[nodiscard]] std::uint32_t resource_bit(std::string_view name);
  [[nodiscard]] std::uint32_t route_resource(std::uint32_t route_index) const noexcept {
    return route_bits_[route_index];
  }
  [[nodiscard]] bool knows_resource(std::string_view name) const noexcept;

 protected:
  void add_route(Route route) override;

 private:
  struct Node;
  struct Leaf;

  void find(const Node& node, std::string_view rest, std::size_t depth, Method method,
            std::uint32_t resources, Match& match) const;
  bool take(const Leaf& leaf, Method method, std::uint32_t resources, Match& match) const;

  std::string plugin_;
  std::vector<Route> routes_;
  std::vector<std::uint32_t> route_bits_;  ///< of routes_, the bit of its resource
  std::vector<std::string> resources_;
  std::unique_ptr<Node> root_;
};

/// Percent-decodes a segment of a path. A '%' without two hexadecimal digits stands for itself; the result
/// may be any bytes. For a query, '+' is a space.
void percent_decode(std::string_view text, bool plus_is_space, std::string& out);

}  // namespace lares::http
