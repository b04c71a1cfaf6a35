// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/build_fingerprint.h>
#include <lares/plugin/fingerprint.hpp>

namespace lares {

std::string_view build_fingerprint() noexcept {
  return LARES_FINGERPRINT;
}

std::string_view version() noexcept {
  return LARES_VERSION;
}

}  // namespace lares
