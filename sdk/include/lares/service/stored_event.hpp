// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/event.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace lares::service {

/// An event together with what this server knows of it.
struct StoredEvent {
  matrix::EventPtr event;
  std::int64_t number = 0;    ///< interned; says nothing about order
  std::int64_t room = 0;      ///< interned
  std::int64_t sender = 0;    ///< interned
  std::int64_t position = 0;  ///< stream id: arrival; negative for a backfilled event, 0 for an outlier
  stream::WriterNumber writer = 0;
  std::int64_t depth = 0;  ///< clamped; order of history together with `position`
  /// Roots of the room's state before and after it, as the state store numbers them; 0 for the empty state.
  std::int64_t state_before = 0;
  std::int64_t state_after = 0;
  std::int64_t thread = 0;  ///< number of the root of the thread that it belongs to; 0 for the main timeline
  /// By which device and under which transaction id a local client sent it, while that is remembered.
  std::string transaction_scope;
  std::string transaction_id;
  bool soft_failed = false;
  bool rejected = false;
  /// The redaction that is in force, whose client form goes into `unsigned.redacted_because`. `event` is the
  /// redacted form then.
  matrix::EventPtr redacted_because;
};

using StoredEventPtr = std::shared_ptr<const StoredEvent>;

}  // namespace lares::service
