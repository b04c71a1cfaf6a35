// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lares::events {

inline constexpr std::string_view kAnnotation = "m.annotation";
inline constexpr std::string_view kReplace = "m.replace";
inline constexpr std::string_view kReference = "m.reference";
inline constexpr std::string_view kThread = "m.thread";

/// What an event's content says of another event.
struct Relation {
  std::string rel_type;  ///< empty for a plain reply, which is no relation but stays in its thread
  std::string event_id;
  std::string key;  ///< of an annotation
};

/// The relation in `m.relates_to`; nothing for content without one that can be understood.
///
/// spec: Client-Server API, "Forming relationships between events"
[[nodiscard]] std::optional<Relation> relation_of(json::Value content);

/// True for an annotation whose key has more than 500 bytes, which `relation_of` takes for none.
[[nodiscard]] bool has_oversized_key(json::Value content);

/// A relation whose other end is in the same room and known, as it is stored.
struct StoredRelation {
  std::int64_t target = 0;  ///< number of the event that it is about
  std::string rel_type;
  std::string key;
};

}  // namespace lares::events
