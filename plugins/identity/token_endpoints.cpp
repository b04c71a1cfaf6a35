// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "endpoints.hpp"

namespace lares::identity {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::size_t kLongestToken = 64;
constexpr std::int64_t kTokenLength = 16;

json token_json(const RegistrationToken& token) {
  return {{"token", token.token},
          {"uses_allowed", token.uses_allowed ? json(*token.uses_allowed) : json()},
          {"pending", token.pending},
          {"completed", token.completed},
          {"expiry_time", token.expiry_ts ? json(*token.expiry_ts) : json()}};
}

bool well_formed(const std::string& token) {
  return !token.empty() && token.size() <= kLongestToken && std::ranges::all_of(token, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
  });
}

// Absent: not given. An empty inner value: null, no limit.
std::optional<std::optional<std::int64_t>> limit_of(const json& body, const char* key, std::int64_t least) {
  const auto found = body.find(key);
  if (found == body.end()) {
    return std::nullopt;
  }
  if (found->is_null()) {
    return std::optional<std::int64_t>{};
  }
  if (!found->is_number_integer()) {
    throw http::invalid_param("'" + std::string{key} + "' is not an integer or null.");
  }
  if (*found < least || *found > INT64_MAX) {
    throw http::invalid_param("'" + std::string{key} + "' is not in the future, or negative.");
  }
  return std::optional{found->get<std::int64_t>()};
}

http::MatrixError no_such_token(const std::string& token) {
  return http::not_found("No such registration token: " + token);
}

/// GET /_matrix/client/v1/register/m.login.registration_token/validity
/// spec: Client-Server API, "Token-authenticated registration"
Task<Response> get_validity(Shared& shared, Request& request) {
  if (!shared.server.config()->boolean("enable_registration")) {
    throw http::forbidden("Registration has been disabled. Ask the administrator for an account.");
  }
  std::optional<std::string> token = request.query("token");
  if (!token) {
    throw http::missing_param("The parameter 'token' is missing.");
  }
  const bool valid = co_await shared.tokens.valid(std::move(*token), shared.server.runtime().now_ms());
  co_return Response::json({{"valid", valid}});
}

/// GET /_synapse/admin/v1/registration_tokens
Task<Response> get_tokens(Shared& shared, Request& request) {
  std::optional<bool> valid;
  if (request.query("valid")) {
    valid = request.query_bool("valid", true);
  }
  json list = json::array();
  for (const RegistrationToken& token :
       co_await shared.tokens.list(valid, shared.server.runtime().now_ms())) {
    list.push_back(token_json(token));
  }
  co_return Response::json({{"registration_tokens", std::move(list)}});
}

/// POST /_synapse/admin/v1/registration_tokens/new
Task<Response> post_new_token(Shared& shared, Request& request) {
  const json& body = request.json();
  RegistrationToken token;
  if (const std::optional<std::string> given = optional_string(body, "token")) {
    if (!well_formed(*given)) {
      throw http::invalid_param("A token is 1 to 64 of the characters A-Z, a-z, 0-9 and ._~-");
    }
    token.token = *given;
  } else {
    std::int64_t length = kTokenLength;
    if (const auto wanted = body.find("length"); wanted != body.end()) {
      if (!wanted->is_number_integer() || *wanted < 1 || *wanted > kLongestToken) {
        throw http::invalid_param("'length' is not an integer from 1 to 64.");
      }
      length = wanted->get<std::int64_t>();
    }
    token.token = crypto::random_alphanumeric(shared.server.runtime(), static_cast<std::size_t>(length));
  }
  token.uses_allowed = limit_of(body, "uses_allowed", 0).value_or(std::nullopt);
  token.expiry_ts = limit_of(body, "expiry_time", shared.server.runtime().now_ms()).value_or(std::nullopt);
  request.shield_from_cancellation();
  if (!co_await shared.tokens.create(token)) {
    throw http::invalid_param("There is a token of this name already.");
  }
  co_return Response::json(token_json(token));
}

/// GET /_synapse/admin/v1/registration_tokens/{token}
Task<Response> get_token(Shared& shared, Request& request) {
  const std::string name = request.param("token");
  const std::optional<RegistrationToken> token = co_await shared.tokens.find(name);
  if (!token) {
    throw no_such_token(name);
  }
  co_return Response::json(token_json(*token));
}

Task<Response> put_token(Shared& shared, Request& request) {
  const std::string name = request.param("token");
  const json& body = request.json();
  const TokenChange change{.uses_allowed = limit_of(body, "uses_allowed", 0),
                           .expiry_ts = limit_of(body, "expiry_time", shared.server.runtime().now_ms())};
  request.shield_from_cancellation();
  const std::optional<RegistrationToken> token = co_await shared.tokens.change(name, change);
  if (!token) {
    throw no_such_token(name);
  }
  co_return Response::json(token_json(*token));
}

Task<Response> delete_token(Shared& shared, Request& request) {
  const std::string name = request.param("token");
  request.shield_from_cancellation();
  if (!co_await shared.tokens.remove(name)) {
    throw no_such_token(name);
  }
  co_return Response::empty_object();
}

}  // namespace

void add_registration_tokens(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Public>(
      Method::Get, http::client_paths("/register/m.login.registration_token/validity", {"v1"}),
      {.name = "RegistrationTokenValidityRestServlet",
       .spec = "Client-Server API, Token-authenticated registration",
       .rate_limit = "rc_registration_token_validity"},
      [&shared](const Anyone&, Request& request) { return get_validity(shared, request); });
  const std::string base = "/_synapse/admin/v1/registration_tokens";
  router.add<Access::Admin>(
      Method::Get, {base}, {.name = "ListRegistrationTokensRestServlet"},
      [&shared](const Requester&, Request& request) { return get_tokens(shared, request); });
  router.add<Access::Admin>(
      Method::Post, {base + "/new"}, {.name = "NewRegistrationTokenRestServlet", .body_optional = true},
      [&shared](const Requester&, Request& request) { return post_new_token(shared, request); });
  router.add<Access::Admin>(
      Method::Get, {base + "/{token}"}, {.name = "RegistrationTokenRestServlet"},
      [&shared](const Requester&, Request& request) { return get_token(shared, request); });
  router.add<Access::Admin>(
      Method::Put, {base + "/{token}"}, {.name = "RegistrationTokenRestServlet"},
      [&shared](const Requester&, Request& request) { return put_token(shared, request); });
  router.add<Access::Admin>(
      Method::Delete, {base + "/{token}"}, {.name = "RegistrationTokenRestServlet", .body_optional = true},
      [&shared](const Requester&, Request& request) { return delete_token(shared, request); });
}

}  // namespace lares::identity
