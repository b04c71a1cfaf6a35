// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/interactive_auth.hpp>

namespace lares::identity {

struct Shared;

/// The dialogue in which the holder of an account shows again who they are. The way there is the password; an
/// application service, which has no other proof than its token, is not asked.
class AskAgain final : public service::InteractiveAuth {
 public:
  explicit AskAgain(Shared& shared) : shared_(shared) {}

  /// **Errors**: MatrixError 403 M_FORBIDDEN for an account that has no way to prove itself.
  Task<std::optional<http::Response>> step(const http::Requester& requester, http::Request& request,
                                           std::string operation) override;

 private:
  Shared& shared_;
};

}  // namespace lares::identity
