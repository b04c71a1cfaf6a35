// SPDX-License-Identifier: Apache-2.0
#include <lares/service/data_care.hpp>

namespace lares::service {

DataCare::~DataCare() = default;

}  // namespace lares::service
