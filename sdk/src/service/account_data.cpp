// SPDX-License-Identifier: Apache-2.0
#include <lares/service/account_data.hpp>

namespace lares::service {

AccountData::~AccountData() = default;
IgnoredListWatcher::~IgnoredListWatcher() = default;

}  // namespace lares::service
