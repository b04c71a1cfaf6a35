// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace lares {

/// Bytes of the kernel's generator. Waits for its first seeding after boot; cannot fail.
void system_random_bytes(std::span<std::uint8_t> out) noexcept;

}  // namespace lares
