// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace lares::http {

class Gate;

/// What identity knows of the holder of an access token.
struct Account {
  matrix::UserId user;
  std::int64_t user_number = 0;  ///< the interned number of the user, a storage detail for hot paths
  /// Absent for a token that an administrator or application service made.
  std::optional<std::string> device_id = {};
  std::int64_t token_id = 0;  ///< row of the access token; scope of transaction ids without a device
  bool guest = false;
  bool admin = false;
  bool suspended = false;
  bool locked = false;
  bool shadow_banned = false;
  std::optional<std::string> appservice_id = {};  ///< set when an application service acts for the user
  /// Who really asks, where it is not the user: an administrator's puppet token, an application service's
  /// sender.
  std::optional<matrix::UserId> authenticated_entity = {};
};

/// Proof that a request came with a valid token of an account that this route admits. Only the gate makes
/// one, so a function that takes it cannot be reached by anyone else.
///
/// **Lifetime**: of the request.
class LARES_EXPORT Requester {
 public:
  [[nodiscard]] const matrix::UserId& user() const noexcept { return account_->user; }
  [[nodiscard]] const std::optional<std::string>& device_id() const noexcept { return account_->device_id; }
  [[nodiscard]] const Account& account() const noexcept { return *account_; }
  [[nodiscard]] bool is_guest() const noexcept { return account_->guest; }
  [[nodiscard]] bool is_admin() const noexcept { return account_->admin; }

 private:
  friend class Gate;
  explicit Requester(std::shared_ptr<const Account> account) : account_(std::move(account)) {}
  std::shared_ptr<const Account> account_;
};

/// Proof that a request was signed by another homeserver (X-Matrix).
class LARES_EXPORT Origin {
 public:
  [[nodiscard]] const matrix::ServerName& server() const noexcept { return server_; }

 private:
  friend class Gate;
  explicit Origin(matrix::ServerName server) : server_(std::move(server)) {}
  matrix::ServerName server_;
};

/// Proof that a request came from a process of this homeserver, with the replication secret.
class LARES_EXPORT Peer {
 public:
  [[nodiscard]] const std::string& instance() const noexcept { return instance_; }

 private:
  friend class Gate;
  explicit Peer(std::string instance) : instance_(std::move(instance)) {}
  std::string instance_;
};

/// Given to routes that admit anyone, so that every handler begins with its proof.
class LARES_EXPORT Anyone {
 private:
  friend class Gate;
  Anyone() = default;
};

}  // namespace lares::http
