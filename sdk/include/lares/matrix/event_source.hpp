// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/event.hpp>

#include <cstdint>
#include <string_view>

namespace lares::matrix {

/// Where algorithms take events from: by id, out of memory. The caller has loaded what they may ask for; what
/// an algorithm misses it names in its result, and the caller loads and asks again.
///
/// **Threads** those of the caller.
class LARES_EXPORT EventSource {
 public:
  virtual ~EventSource();
  /// Null when the event is not at hand. The event lives as long as the source.
  [[nodiscard]] virtual const Event* find(std::string_view event_id) const = 0;
  /// Whether the event was rejected on receipt; asked only for events that find gave.
  [[nodiscard]] virtual bool rejected(const Event& event) const = 0;
};

/// The same by number: the number that a store has interned an event under.
class LARES_EXPORT NumberedEventSource {
 public:
  virtual ~NumberedEventSource();
  /// Null when the event is not at hand.
  [[nodiscard]] virtual const Event* find(std::uint64_t event) const = 0;
  /// The number of an event id; 0 when it is not at hand.
  [[nodiscard]] virtual std::uint64_t number(std::string_view event_id) const = 0;
  [[nodiscard]] virtual bool rejected(std::uint64_t event) const = 0;
};

}  // namespace lares::matrix
