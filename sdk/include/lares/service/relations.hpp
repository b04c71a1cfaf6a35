// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lares::service {

/// What relates to an event, as the tables have it: numbers of events.
struct Aggregation {
  std::int64_t newest_edit = 0;          ///< number of the m.replace in force; 0 for none
  std::vector<std::int64_t> references;  ///< of m.reference, oldest first, at most a hundred
  std::int64_t thread_latest = 0;        ///< newest event of the thread that it is the root of
  std::int64_t thread_count = 0;         ///< events in the thread, without the root
  bool participated = false;             ///< the reader has written into the thread
  [[nodiscard]] bool empty() const noexcept {
    return newest_edit == 0 && references.empty() && thread_latest == 0;
  }
};

/// Relations between events of a room. Provided by the relations plugin.
///
/// spec: Client-Server API, "Aggregations of child events"
/// **Threads**: any.
class LARES_EXPORT Relations {
 public:
  static constexpr std::string_view kServiceId = "lares.relations/1";
  virtual ~Relations();

  /// What is to be bundled with events, by their numbers, for one reader; nothing for events that nothing
  /// relates to.
  virtual Task<std::unordered_map<std::int64_t, Aggregation>> bundle(std::vector<std::int64_t> events,
                                                                     std::int64_t reader) = 0;
};

}  // namespace lares::service
