// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace lares::host {

/// From now on SIGHUP does not end this process: one that comes before the server watches its signals is
/// remembered until then. First thing in main(). Programs that this one starts get the signal as it was.
void expect_hangups() noexcept;

/// Whether one came between expect_hangups() and whatever handles the signal now.
[[nodiscard]] bool hangup_came() noexcept;

}  // namespace lares::host
