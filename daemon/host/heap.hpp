// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace lares::host {

/// Has the allocator give large blocks back to the system as soon as they are free: answers of some megabytes
/// are not to decide for ever how much the process takes. Call it before the first thread starts. An
/// allocator other than glibc's, or one whose thresholds the environment sets (MALLOC_MMAP_THRESHOLD_,
/// GLIBC_TUNABLES), stays as it is.
void give_large_blocks_back();

}  // namespace lares::host
