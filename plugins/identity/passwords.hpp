// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/blocking_pool.hpp>
#include <lares/async/task.hpp>

#include <cstdint>
#include <string>

namespace lares::identity {

/// What a hash costs, and what goes into it.
struct PasswordCost {
  std::uint64_t operations = 2;              ///< passes over the memory
  std::uint64_t memory = 19U * 1024 * 1024;  ///< bytes
  std::string pepper = {};                   ///< a secret of the server's that stands behind every password
};

/// Hashes and checks passwords on a pool of its own: Argon2id for new ones; bcrypt hashes, as other servers
/// keep them, are accepted.
///
/// **Threads**: any.
class Passwords {
 public:
  Passwords(Runtime& runtime, PasswordCost cost);

  Task<std::string> hash(std::string password);

  struct Check {
    bool right = false;
    bool upgrade = false;  ///< right, but kept under an older hash or a lower cost: hash it anew
  };
  /// Takes as long for a user who does not exist: pass an empty hash.
  Task<Check> check(std::string password, std::string stored_hash);

 private:
  BlockingPool& pool_;
  PasswordCost cost_;
};

}  // namespace lares::identity
