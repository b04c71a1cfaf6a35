// SPDX-License-Identifier: Apache-2.0
#include <lares/service/app.hpp>

namespace lares::service {

App::~App() = default;

}  // namespace lares::service
