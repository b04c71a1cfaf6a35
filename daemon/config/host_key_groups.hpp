// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/key_set.hpp>

namespace lares::config {

/// Listeners, TLS and metrics.
void declare_listener_keys(KeySet& keys);

/// Which process of a server this one is, and where the others are.
void declare_worker_keys(KeySet& keys);

}  // namespace lares::config
