// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <concepts>
#include <string_view>
#include <vector>

namespace lares {

/// An interface by which plugins ask each other: a class with `static constexpr std::string_view kServiceId`,
/// whose value ends in a version ("lares.rooms/1") and changes with the interface.
template <class T>
concept Service = requires {
  { T::kServiceId } -> std::convertible_to<std::string_view>;
};

/// The services of one server. A plugin provides in its constructor and looks up in `start()` or later.
///
/// **Threads**: provide and join during construction, on one thread; the look-ups afterwards, from any.
/// **Lifetime**: what is provided lives as long as its plugin, which is longer than any plugin that needs it.
class LARES_EXPORT ServiceRegistry {
 public:
  virtual ~ServiceRegistry();

  /// Makes `service` the one provider. A second provider of one id is refused with both names.
  template <Service T>
  void provide(T& service) {
    provide_raw(T::kServiceId, &service);
  }

  /// The provider. **Errors**: StartError that names the id and the plugins known to provide it.
  template <Service T>
  [[nodiscard]] T& get() const {
    return *static_cast<T*>(get_raw(T::kServiceId));
  }

  /// The provider, or null where this process has none.
  template <Service T>
  [[nodiscard]] T* find() const noexcept {
    return static_cast<T*>(find_raw(T::kServiceId));
  }

  /// Adds one of several: a contributor to /sync, a sink of events, a UIA stage. A lower layer never needs a
  /// higher one; here it offers the place where the higher one joins in. Called in ascending `order`, then by
  /// plugin name.
  template <Service T>
  void join(T& participant, int order = 0) {
    join_raw(T::kServiceId, &participant, order);
  }

  /// All that joined, in order.
  template <Service T>
  [[nodiscard]] std::vector<T*> all() const {
    std::vector<T*> result;
    for (void* participant : all_raw(T::kServiceId)) {
      result.push_back(static_cast<T*>(participant));
    }
    return result;
  }

 protected:
  virtual void provide_raw(std::string_view id, void* service) = 0;
  [[nodiscard]] virtual void* get_raw(std::string_view id) const = 0;
  [[nodiscard]] virtual void* find_raw(std::string_view id) const noexcept = 0;
  virtual void join_raw(std::string_view id, void* participant, int order) = 0;
  [[nodiscard]] virtual std::vector<void*> all_raw(std::string_view id) const = 0;
};

}  // namespace lares
