// SPDX-License-Identifier: Apache-2.0
#include <lares/service/receipts.hpp>

namespace lares::service {

Receipts::~Receipts() = default;

ReadMarker::~ReadMarker() = default;

}  // namespace lares::service
