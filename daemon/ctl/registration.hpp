// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/client.hpp>

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace lares {
class Config;
}

namespace lares::ctl {

/// Whom to register.
struct NewUser {
  std::string name;
  std::string password;
  bool admin = false;
};

/// "http://localhost:8008" as a place to send to; nothing when it is no URL of a server (with a path, say).
[[nodiscard]] std::optional<http::Endpoint> parse_server_url(std::string_view url);

/// The first listener of a configuration that offers the client API, as a process on the same machine reaches
/// it.
[[nodiscard]] std::optional<http::Endpoint> own_endpoint(const Config& config);

/// The body that registers a user, signed with the shared secret and the server's nonce.
///
/// spec: none; the form is that of Synapse's admin API, `/_synapse/admin/v1/register`
[[nodiscard]] std::string registration_body(const NewUser& user, std::string_view nonce,
                                            std::string_view shared_secret);

/// Registers the user at a running server and gives the user id.
/// **Errors**: std::runtime_error with what the server said; ClientError.
Task<std::string> register_user(http::Client& client, http::Endpoint endpoint, NewUser user,
                                std::string shared_secret);

}  // namespace lares::ctl
