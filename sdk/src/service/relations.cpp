// SPDX-License-Identifier: Apache-2.0
#include <lares/service/relations.hpp>

namespace lares::service {

Relations::~Relations() = default;

}  // namespace lares::service
