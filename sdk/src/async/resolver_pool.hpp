// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace lares {

/// The pool on which names are looked up, since the system's resolver blocks.
inline constexpr const char* kResolverPool = "resolver";

}  // namespace lares
