// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// Whether Synapse reads a key of this path ("[]" for entries of lists). One that no plugin here declares has
/// no effect, and must not keep an administrator's file from working.
[[nodiscard]] bool known_to_synapse(std::string_view path);

/// What to say about a key of Synapse's that has no effect here.
[[nodiscard]] std::string_view note_for_ignored(std::string_view path);

/// What to do instead about a key that once had a meaning and cannot be let pass; "" for any other.
[[nodiscard]] std::string_view remedy_for_removed(std::string_view path);

/// The names that Synapse knows directly below a path ("" for the top), to guess what was meant.
[[nodiscard]] std::vector<std::string_view> synapse_names_below(std::string_view path);

}  // namespace lares::config
