// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lares {

class Runtime;

/// How large the caches of a server may be, as an administrator says it. A cache is made with a bound of its
/// own, which is what it has at kUsualFactor.
struct CacheSettings {
  static constexpr double kUsualFactor = 0.5;

  /// Of the caches that are not in `factors`.
  double factor = kUsualFactor;
  /// By canonical name.
  std::map<std::string, double, std::less<>> factors{};
  /// Bounds at kUsualFactor in place of the caches' own, by canonical name.
  std::map<std::string, std::size_t, std::less<>> bounds{};

  /// What bounds at kUsualFactor are multiplied by for a cache, by canonical name.
  [[nodiscard]] LARES_EXPORT double times(std::string_view canonical_name) const;
  /// The bound of a cache that was made with `own`.
  [[nodiscard]] LARES_EXPORT std::size_t bound(std::string_view name, std::size_t own) const;
  /// Lower case, letters, digits and underscores alone: "*getEvent*" is "getevent".
  [[nodiscard]] LARES_EXPORT static std::string canonical(std::string_view name);
};

/// The caches that a server has in this process: sizes them all, also those that are made later, and lets go
/// what nobody uses. Made before the first of them.
///
/// **Threads** any. **Lifetime** of the server; the caches may go before or after it.
class LARES_EXPORT ServerCaches {
 public:
  ServerCaches(Runtime& runtime, std::string server_name, CacheSettings settings);
  ServerCaches(const ServerCaches&) = delete;
  ServerCaches& operator=(const ServerCaches&) = delete;
  ~ServerCaches();

  /// Puts other settings in force at once.
  void apply(CacheSettings settings);

  /// Lets time go on by one step.
  void step();
  /// Lets go entries that nobody has asked for in the last `steps` steps, some of each cache; whether there
  /// may be more of them.
  [[nodiscard]] bool expire(std::uint32_t steps);

  /// Names of the caches there are, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  Runtime& runtime_;
  const std::string server_name_;
};

}  // namespace lares
