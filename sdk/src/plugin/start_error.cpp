// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/start_error.hpp>

namespace lares {

namespace {
constexpr int kExitFailure = 1;
// EX_CONFIG of sysexits.h.
constexpr int kExitConfiguration = 78;
}  // namespace

StartError::StartError(const std::string& sentence, Cause cause)
    : std::runtime_error(sentence), cause_(cause) {}

StartError::~StartError() = default;

int StartError::exit_code() const noexcept {
  return cause_ == Cause::Configuration ? kExitConfiguration : kExitFailure;
}

}  // namespace lares
