// SPDX-License-Identifier: Apache-2.0
#include <ctl/registration.hpp>

#include <config/scalars.hpp>

#include <lares/crypto/hash.hpp>
#include <lares/plugin/config.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace lares::ctl {

namespace {

constexpr std::string_view kPath = "/_synapse/admin/v1/register";

nlohmann::json parse_answer(const http::ClientResponse& response) {
  const auto answer = nlohmann::json::parse(response.body, nullptr, false);
  if (response.status == 200 && answer.is_object()) {
    return answer;
  }
  std::string said = fmt::format("status {}", response.status);
  if (answer.is_object()) {
    said = fmt::format("{} {}", answer.value("errcode", said), answer.value("error", ""));
  }
  throw std::runtime_error(fmt::format("the server refused: {}", said));
}

bool offers_clients(const nlohmann::json& listener) {
  if (listener.value("type", "") != "http" || !listener.contains("resources")) {
    return false;
  }
  return std::ranges::any_of(listener["resources"], [](const auto& resource) {
    const auto names = resource.value("names", nlohmann::json::array());
    return std::ranges::find(names, "client") != names.end();
  });
}

}  // namespace

std::optional<http::Endpoint> parse_server_url(std::string_view url) {
  http::Endpoint endpoint;
  if (url.starts_with("https://")) {
    endpoint.tls = true;
    endpoint.port = 443;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    endpoint.port = 80;
    url.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  if (url.ends_with('/')) {
    url.remove_suffix(1);
  }
  const bool bracketed = url.starts_with('[');
  const auto end = bracketed ? url.find(']') : url.find(':');
  if (bracketed && end == std::string_view::npos) {
    return std::nullopt;
  }
  endpoint.host = bracketed ? url.substr(1, end - 1) : url.substr(0, end);
  url.remove_prefix(end == std::string_view::npos ? url.size() : end + (bracketed ? 1 : 0));
  if (!url.empty()) {
    const auto port = url.starts_with(':') ? config::read_integer(url.substr(1)) : std::nullopt;
    if (!port || *port < 1 || *port > UINT16_MAX) {
      return std::nullopt;
    }
    endpoint.port = static_cast<std::uint16_t>(*port);
  }
  const bool plain = std::ranges::all_of(
      endpoint.host, [](unsigned char c) { return c > ' ' && c != '/' && c != '?' && c != '#' && c != '@'; });
  return endpoint.host.empty() || !plain ? std::nullopt : std::optional(endpoint);
}

std::optional<http::Endpoint> own_endpoint(const Config& config) {
  for (const auto& listener : config.get("listeners")) {
    if (!offers_clients(listener)) {
      continue;
    }
    if (listener["path"].is_string()) {
      return http::Endpoint{.host = "localhost", .unix_path = listener["path"].get<std::string>()};
    }
    http::Endpoint endpoint{.host = "localhost", .port = listener["port"].get<std::uint16_t>()};
    endpoint.tls = listener.value("tls", false);
    const auto addresses = listener["bind_addresses"];
    const bool any = addresses.empty() || std::ranges::any_of(addresses, [](const auto& address) {
                       return address == "::" || address == "0.0.0.0" || address == "localhost";
                     });
    if (!any) {
      endpoint.host = addresses[0].get<std::string>();
    }
    if (endpoint.tls) {
      endpoint.tls_name = config.string("server_name");
    }
    return endpoint;
  }
  return std::nullopt;
}

std::string registration_body(const NewUser& user, std::string_view nonce, std::string_view shared_secret) {
  std::string signed_text(nonce);
  for (const std::string_view part : {std::string_view(user.name), std::string_view(user.password),
                                      std::string_view(user.admin ? "admin" : "notadmin")}) {
    signed_text += '\0';
    signed_text += part;
  }
  const auto mac = crypto::hmac_sha1(shared_secret, signed_text);
  const nlohmann::json body = {
      {"nonce", nonce},      {"username", user.name}, {"password", user.password},
      {"admin", user.admin}, {"inhibit_login", true}, {"mac", crypto::hex_encode(mac)}};
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Task<std::string> register_user(http::Client& client, http::Endpoint endpoint, NewUser user,
                                std::string shared_secret) {
  http::ClientRequest ask{.method = http::Method::Get, .target = std::string(kPath)};
  const auto asked = co_await client.send(endpoint, std::move(ask));
  const auto nonce = parse_answer(asked).at("nonce").get<std::string>();
  http::ClientRequest request{.method = http::Method::Post,
                              .target = std::string(kPath),
                              .body = registration_body(user, nonce, shared_secret)};
  const auto answered = co_await client.send(endpoint, std::move(request));
  co_return parse_answer(answered).at("user_id").get<std::string>();
}

}  // namespace lares::ctl
