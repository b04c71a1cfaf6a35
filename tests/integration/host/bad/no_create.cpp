// SPDX-License-Identifier: Apache-2.0
// Can neither be made nor ended.
#include <lares/plugin/descriptor.hpp>

LARES_PLUGIN(.name = "no_create", .version = "1")
