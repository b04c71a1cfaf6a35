// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/crypto/random_source.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "endpoints.hpp"

namespace lares::identity {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::size_t kNonceLetters = 24;
constexpr std::size_t kLargestForm = 4096;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

int hex_value(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

// The token of a form. Tokens have neither spaces nor '+', so these need not be told apart.
std::string token_of(std::string_view form) {
  std::string token;
  for (const std::string_view field : split(form, '&')) {
    if (!field.starts_with("token=")) {
      continue;
    }
    const std::string_view value = field.substr(std::string_view{"token="}.size());
    for (std::size_t at = 0; at < value.size(); ++at) {
      const int high = at + 2 < value.size() ? hex_value(value[at + 1]) : -1;
      const int low = at + 2 < value.size() ? hex_value(value[at + 2]) : -1;
      if (value[at] == '%' && high >= 0 && low >= 0) {
        token += static_cast<char>(high * 16 + low);
        at += 2;
      } else {
        token += value[at];
      }
    }
  }
  return token;
}

// Nothing is loaded, nothing but the one script runs, and forms go to this server alone.
Response page(const std::string& body, const std::string& nonce, int status = 200) {
  Response response = Response::html(
      "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Registration</title></head><body>" +
          body + "</body></html>\n",
      status);
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; script-src 'nonce-" + nonce +
                                    "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response done_page(const std::string& nonce) {
  return page("<p>Thank you. You can close this window and go on in your client.</p><script nonce=\"" +
                  nonce +
                  "\">if (window.onAuthDone) { window.onAuthDone(); } else if (window.opener && "
                  "window.opener.postMessage) { window.opener.postMessage(\"authDone\", \"*\"); }</script>",
              nonce);
}

std::string form(const Shared& shared, const std::string& type) {
  std::string inner;
  if (type == "m.login.terms") {
    inner = "<p>Please read and accept:</p><ul>";
    for (const auto& [name, document] : shared.server.config()->get("registration_terms").items()) {
      inner += "<li><a rel=\"noopener noreferrer\" target=\"_blank\" href=\"" +
               escaped(document["url"].get<std::string>()) + "\">" +
               escaped(document["name"].get<std::string>()) + "</a></li>";
    }
    inner += "</ul><button>I accept</button>";
  } else if (type == kRegistrationTokenStage) {
    inner =
        "<p><label>Registration token <input name=\"token\" required autocomplete=\"off\"></label></p>"
        "<button>Go on</button>";
  } else {
    inner = "<button>Go on</button>";
  }
  return "<form method=\"post\">" + inner + "</form>";
}

/// GET and POST /auth/{authType}/fallback/web. spec: Client-Server API, "Fallback" of the
/// "User-Interactive Authentication API"
Task<Response> fallback(Shared& shared, Request& request) {
  const std::string type = request.param("authType");
  if (type != "m.login.terms" && type != kRegistrationTokenStage && type != "m.login.dummy") {
    throw http::not_found("There is no page for this kind of authentication.");
  }
  std::optional<std::string> given = request.query("session");
  if (!given) {
    throw http::missing_param("The parameter 'session' is missing.");
  }
  std::string session = std::move(*given);
  const std::string nonce = crypto::random_alphanumeric(shared.server.runtime(), kNonceLetters);
  const std::optional<Flow> completed = co_await shared.uia.completed(session, "register");
  if (!completed) {
    throw http::MatrixError(400, "M_UNKNOWN", "This authentication session is not known here.");
  }
  if (std::ranges::find(*completed, type) != completed->end()) {
    co_return done_page(nonce);
  }
  if (request.method() != Method::Post) {
    co_return page(form(shared, type), nonce);
  }
  request.shield_from_cancellation();
  if (type == kRegistrationTokenStage) {
    std::string token = token_of(request.body());
    if (!co_await shared.tokens.claim(std::move(token), session, shared.server.runtime().now_ms())) {
      co_return page("<p>This registration token does not hold.</p>" + form(shared, type), nonce, 401);
    }
  }
  (void)co_await shared.uia.pass(std::move(session), type);
  co_return done_page(nonce);
}

}  // namespace

void add_auth_fallback(Shared& shared) {
  http::Router& router = shared.server.router();
  const std::vector<std::string> paths = http::client_paths("/auth/{authType}/fallback/web");
  router.add<Access::Public>(
      Method::Get, paths, {.name = "AuthRestServlet"},
      [&shared](const Anyone&, Request& request) { return fallback(shared, request); });
  router.add<Access::Public>(
      Method::Post, paths,
      {.name = "AuthRestServlet",
       .rate_limit = "rc_registration_token_validity",
       .body_json = false,
       .body_limit = kLargestForm},
      [&shared](const Anyone&, Request& request) { return fallback(shared, request); });
}

}  // namespace lares::identity
