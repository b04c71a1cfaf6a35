// SPDX-License-Identifier: Apache-2.0
#include <lares/service/appservice_authenticator.hpp>
#include <lares/service/authenticator.hpp>
#include <lares/service/server_authenticator.hpp>

namespace lares::service {

Authenticator::~Authenticator() = default;
AppServiceAuthenticator::~AppServiceAuthenticator() = default;
ServerAuthenticator::~ServerAuthenticator() = default;

}  // namespace lares::service
