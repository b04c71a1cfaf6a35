// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module_wire.hpp>

#include <lares/module/abi.h>
#include <lares/module/draft/spam_checker.h>
#include <lares/module/module.h>

#include <cstddef>

namespace lares::host {

/// Whether a module's table has the slot for this kind of question. The table may be shorter than ours, or
/// absent.
[[nodiscard]] bool has_slot(const lares_spam_checker* checker, std::size_t hook) noexcept;

/// Calls the slot for a question, which the table must have.
void call_slot(const lares_spam_checker& checker, void* module, const lares_call_view& call,
               const wire::Question& question) noexcept;

inline constexpr const char* kInvalidState = "its state is larger than 16 MiB, or none";

/// Whether what completes `save` can be taken: as much of the struct as there must be, and at most 16 MiB.
[[nodiscard]] bool valid_state(const lares_saved_state_view& saved) noexcept;

}  // namespace lares::host
