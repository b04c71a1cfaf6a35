// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/plugin.hpp>

namespace lares {

Plugin::~Plugin() = default;

Task<void> Plugin::start() {
  co_return;
}

void Plugin::begin_drain() noexcept {}

Task<void> Plugin::drain() {
  co_return;
}

Task<void> Plugin::stop() noexcept {
  co_return;
}

ReloadReport Plugin::reload(const Config&) {
  return {};
}

}  // namespace lares
