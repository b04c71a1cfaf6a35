// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/key_set.hpp>

namespace lares::config {

/// The keys that the process itself reads, declared in the name of "host": server name, listeners, TLS,
/// logging, and what says which process of a server this one is.
void declare_host_keys(KeySet& keys);

}  // namespace lares::config
