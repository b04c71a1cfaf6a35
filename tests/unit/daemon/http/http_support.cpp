// SPDX-License-Identifier: Apache-2.0
#include "http_support.hpp"

#include <lares/http/matrix_error.hpp>

namespace lares::http::test {

Task<std::shared_ptr<const Account>> TestAuthenticator::authenticate(std::string_view token) {
  const auto at = accounts_.find(token);
  if (at == accounts_.end()) {
    throw unknown_token("Unrecognised access token");
  }
  co_return at->second;
}

}  // namespace lares::http::test
