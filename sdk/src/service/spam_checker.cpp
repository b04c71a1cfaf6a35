// SPDX-License-Identifier: Apache-2.0
#include <lares/service/spam_checker.hpp>

namespace lares::service {

SpamChecker::~SpamChecker() = default;

}  // namespace lares::service
