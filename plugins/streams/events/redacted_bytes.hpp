// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>

#include <cstddef>
#include <cstdint>

#include "event_reader.hpp"

namespace lares::events {

/// Rewrites the stored bytes of some events that were redacted at or before `upto_ts`, so that what they said
/// is no longer there. Their redaction holds since its commit; this changes nothing that anybody is shown.
/// Gives how many: 0 when none is left. What was interrupted is done by the next call; two processes at once
/// do the same twice.
///
/// spec: Client-Server API, "Redactions"
Task<std::size_t> rewrite_redacted_bytes(storage::Database& database, const EventReader& reader,
                                         std::int64_t upto_ts);

}  // namespace lares::events
