// SPDX-License-Identifier: Apache-2.0
#include <http/gate.hpp>

#include <lares/async/log_context.hpp>
#include <lares/base/error.hpp>
#include <lares/base/strings.hpp>
#include <lares/crypto/hash.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/plugin/config.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/appservice_authenticator.hpp>
#include <lares/service/authenticator.hpp>
#include <lares/service/catch_up.hpp>
#include <lares/service/rate_limiter.hpp>
#include <lares/storage/errors.hpp>

#include <boost/system/system_error.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <cxxabi.h>

#include <boost/asio/error.hpp>

namespace lares::http {

namespace {

constexpr std::string_view kBearer = "Bearer ";

/// Compares in a time that does not depend on where the texts differ.
bool same_secret(std::string_view a, std::string_view b) noexcept {
  return crypto::equal_constant_time(a, b);
}

/// The type of the exception being handled, for the log.
std::string type_of_current_exception() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) {
    return "unknown";
  }
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type->name();
}

}  // namespace

Response error_response(const MatrixError& error) {
  Response response{.status = error.status(), .body = error.body()};
  response.headers = error.headers();
  return response;
}

std::string access_token(const RequestImpl& request) {
  const std::size_t headers = request.count(RequestImpl::Field::authorization);
  std::optional<std::string> legacy;
  if (request.target().find("access_token") != std::string_view::npos) {
    legacy = request.query("access_token");
  }
  if (headers == 0) {
    if (legacy && !legacy->empty()) {
      return std::move(*legacy);
    }
    throw missing_token();
  }
  if (legacy) {
    throw MatrixError{401, "M_MISSING_TOKEN",
                      "The access token must be given once, in the Authorization header."};
  }
  const std::string_view value = request.header(RequestImpl::Field::authorization);
  if (headers > 1 || value.size() <= kBearer.size() ||
      !equals_ignore_case(value.substr(0, kBearer.size()), kBearer)) {
    throw MatrixError{401, "M_MISSING_TOKEN", "Invalid Authorization header."};
  }
  return std::string(trim(value.substr(kBearer.size())));
}

std::optional<service::XMatrix> parse_x_matrix(std::string_view header) {
  constexpr std::string_view kScheme = "X-Matrix ";
  if (header.size() <= kScheme.size() || !equals_ignore_case(header.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  std::string_view rest = trim(header.substr(kScheme.size()));
  service::XMatrix result;
  while (!rest.empty()) {
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view name = trim(rest.substr(0, equals));
    rest = trim(rest.substr(equals + 1));
    std::string value;
    if (rest.starts_with('"')) {
      std::size_t at = 1;
      while (at < rest.size() && rest[at] != '"') {
        if (rest[at] == '\\' && at + 1 < rest.size()) {
          ++at;
        }
        value += rest[at++];
      }
      if (at >= rest.size()) {
        return std::nullopt;
      }
      rest = trim(rest.substr(at + 1));
    } else {
      const std::size_t end = std::min(rest.find(','), rest.size());
      value = trim(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (rest.starts_with(',')) {
      rest = trim(rest.substr(1));
    } else if (!rest.empty()) {
      return std::nullopt;
    }
    if (equals_ignore_case(name, "origin")) {
      result.origin = std::move(value);
    } else if (equals_ignore_case(name, "destination")) {
      result.destination = std::move(value);
    } else if (equals_ignore_case(name, "key")) {
      result.key_id = std::move(value);
    } else if (equals_ignore_case(name, "sig")) {
      result.signature = std::move(value);
    }
  }
  if (result.origin.empty() || result.key_id.empty() || result.signature.empty()) {
    return std::nullopt;
  }
  return result;
}

Gate::Gate(Server& server, service::RateLimiter& limits)
    : server_(server),
      limits_(limits),
      worker_secret_(server.config()->string("worker_replication_secret")) {}

void Gate::open(const Router& router) {
  authenticator_ = server_.services().find<service::Authenticator>();
  appservices_ = server_.services().find<service::AppServiceAuthenticator>();
  servers_ = server_.services().find<service::ServerAuthenticator>();
  catch_up_ = server_.services().find<service::CatchUp>();
  for (const Route& route : router.routes()) {
    const std::string_view key = route.options.rate_limit;
    route_limits_.push_back(key.empty() ? nullptr : &limits_.limiter(key));
    const bool asks = route.access == Access::User || route.access == Access::Guest ||
                      route.access == Access::Admin || route.access == Access::AppService;
    if (asks && authenticator_ == nullptr) {
      throw StartError(fmt::format(
          "The route {} of plugin '{}' asks for an access token, but no loaded plugin knows tokens ('{}').",
          route.patterns.front(), route.plugin, service::Authenticator::kServiceId));
    }
  }
}

bool Gate::of_appservice(std::string_view token) const {
  return appservices_ != nullptr && appservices_->owns(token);
}

Task<std::shared_ptr<const Account>> Gate::find_account(RequestImpl& request, std::string_view token,
                                                        bool of_appservice) {
  if (of_appservice) {
    const std::optional<std::string> user = request.query("user_id");
    std::optional<std::string> device = request.query("device_id");
    if (!device) {
      device = request.query("org.matrix.msc3202.device_id");
    }
    co_return co_await appservices_->authenticate(token, user, device);
  }
  co_return co_await authenticator_->authenticate(token);
}

void Gate::admit(const Route& route, const Account& account) const {
  if (account.locked && !route.options.allow_locked) {
    throw MatrixError{401, "M_USER_LOCKED", "This account has been locked."}.with("soft_logout", "true");
  }
  if (account.guest && route.access != Access::Guest) {
    throw MatrixError{403, "M_GUEST_ACCESS_FORBIDDEN", "Guests are not allowed to do this."};
  }
  if (account.suspended && !route.options.allow_suspended) {
    throw MatrixError{403, "M_USER_SUSPENDED", "This account has been suspended and cannot do this."};
  }
  if (route.access == Access::Admin && !account.admin) {
    throw forbidden("You are not a server admin.");
  }
  if (route.access == Access::AppService && !account.appservice_id) {
    throw forbidden("Only application services can do this.");
  }
}

void Gate::limit(const Route&, std::string_view key, std::uint32_t route_index) const {
  if (service::Limiter* limiter = route_limits_[route_index]) {
    limiter->take(key);
  }
}

void Gate::check_body(const Route& route, RequestImpl& request) const {
  request.unpack_body();
  if (!route.options.body_json || route.method == Method::Get) {
    return;
  }
  if (route.method == Method::Delete && request.body().empty()) {
    return;
  }
  request.check_json();
}

Peer Gate::admit_worker(const RequestImpl& request) const {
  const std::string_view header = request.header(RequestImpl::Field::authorization);
  if (worker_secret_.empty()) {
    throw forbidden("Replication is not available.")
        .because(
            "worker_replication_secret is not set, so no other process of this server can be told from a "
            "stranger");
  }
  if (!header.starts_with(kBearer) || !same_secret(header.substr(kBearer.size()), worker_secret_)) {
    throw forbidden("Replication is not available.")
        .because("a request for replication came without this server's worker_replication_secret");
  }
  return Peer(std::string(request.header("X-Lares-Instance")));
}

bool Gate::knows(const RequestImpl& request) const noexcept {
  try {
    switch (request.match().route->access) {
      case Access::Public:
      case Access::Server:
        return false;
      case Access::Worker:
        (void)admit_worker(request);
        return true;
      case Access::User:
      case Access::Guest:
      case Access::Admin:
      case Access::AppService: {
        const std::string token = access_token(request);
        return of_appservice(token) || authenticator_->cached(token) != nullptr;
      }
    }
  } catch (...) {
    // It is told what is wrong once all of it has come.
  }
  return false;
}

Task<Response> Gate::pass_server(const Route& route, RequestImpl& request) {
  const std::string_view header = request.header(RequestImpl::Field::authorization);
  if (header.empty()) {
    throw MatrixError{401, "M_UNAUTHORIZED", "Missing Authorization header."};
  }
  std::optional<service::XMatrix> parsed = parse_x_matrix(header);
  if (!parsed || !matrix::ServerName::valid(parsed->origin)) {
    throw MatrixError{400, "M_UNAUTHORIZED", "Malformed Authorization header."};
  }
  if (!parsed->destination.empty() && parsed->destination != server_.name()) {
    throw MatrixError{401, "M_UNAUTHORIZED", "The request is for another server."};
  }
  if (servers_ == nullptr) {
    throw forbidden("This server does not federate.");
  }
  // What the signature is of. Whose it is takes the body to find out, so this comes first.
  request.unpack_body();
  matrix::ServerName name =
      co_await servers_->verify(std::move(*parsed), request.method_text(), request.target(), request.body());
  current_context().set_requester(name.view());
  limit(route, name.view(), request.match().route_index);
  check_body(route, request);
  const Origin proof(std::move(name));
  co_return co_await route.handler(&proof, request);
}

bool Gate::may_be_behind(const Route& route, const RequestImpl& request,
                         const std::exception_ptr& error) const {
  // Once it may have written, a request is not run again; and other processes ask who knows.
  if (catch_up_ == nullptr || route.access == Access::Worker || request.shielded() || request.cancelled()) {
    return false;
  }
  try {
    std::rethrow_exception(error);
  } catch (const MatrixError& matrix) {
    return matrix.status() == 403 || matrix.status() == 404;
  } catch (...) {
    return false;
  }
}

Task<Response> Gate::pass(RequestImpl& request) {
  const Route& route = *request.match().route;
  for (bool again = false;; again = true) {
    std::exception_ptr error;
    try {
      switch (route.access) {
        case Access::Public: {
          if (!again) {
            limit(route, request.client_ip(), request.match().route_index);
          }
          check_body(route, request);
          const Anyone proof;
          co_return co_await route.handler(&proof, request);
        }
        case Access::Server:
          co_return co_await pass_server(route, request);
        case Access::Worker: {
          const Peer proof = admit_worker(request);
          check_body(route, request);
          co_return co_await route.handler(&proof, request);
        }
        case Access::User:
        case Access::Guest:
        case Access::Admin:
        case Access::AppService: {
          const std::string token = access_token(request);
          const bool appservice = of_appservice(token);
          std::shared_ptr<const Account> account = appservice ? nullptr : authenticator_->cached(token);
          if (account == nullptr) {
            account = co_await find_account(request, token, appservice);
          }
          if (account->authenticated_entity) {
            current_context().set_requester(account->user.view(), account->authenticated_entity->view());
          } else {
            current_context().set_requester(account->user.view());
          }
          admit(route, *account);
          if (!appservice) {
            authenticator_->seen(*account, request);
          }
          if (!again) {
            limit(route, account->user.view(), request.match().route_index);
          }
          check_body(route, request);
          const Requester proof(std::move(account));
          co_return co_await route.handler(&proof, request);
        }
      }
      error = std::make_exception_ptr(std::logic_error("A route has no access."));
    } catch (...) {
      error = std::current_exception();
    }
    if (again || !may_be_behind(route, request, error)) {
      co_return to_response(error, request);
    }
    // It is judged again even if this process was not behind any more: what came in since may be what was
    // missed.
    try {
      (void)co_await catch_up_->catch_up();
    } catch (...) {
      co_return to_response(std::current_exception(), request);
    }
  }
}

Response Gate::to_response(const std::exception_ptr& error, const RequestImpl& request) const {
  if (request.cancelled()) {
    // Nobody is left to read an answer; whatever else the work threw came of being told to end.
    return {.status = 499, .body = {}};
  }
  try {
    std::rethrow_exception(error);
  } catch (const MatrixError& matrix) {
    if (!matrix.detail().empty()) {
      log_.message(
          matrix.status() >= 500 ? log::Level::kError : log::Level::kWarning,
          fmt::format("{} {}: {} ({})", matrix.status(), matrix.errcode(), matrix.what(), matrix.detail()));
    } else if (matrix.status() >= 500) {
      log_.error("{} {}: {}", matrix.status(), matrix.errcode(), matrix.what());
    } else {
      log_.info("{} {}: {}", matrix.status(), matrix.errcode(), matrix.what());
    }
    return error_response(matrix);
  } catch (const QueueFull& full) {
    log_.warning("The request was refused because a queue is full: {}", full.what());
    return error_response(limit_exceeded(std::chrono::milliseconds(1000)));
  } catch (const TimeoutError& timeout) {
    log_.warning("The request took too long: {}", timeout.what());
    return error_response(MatrixError{504, "M_UNKNOWN", "The request took too long."});
  } catch (const storage::Overloaded& full) {
    log_.warning("The request was refused because too many wait for the database: {}", full.what());
    return error_response(limit_exceeded(std::chrono::milliseconds(1000)));
  } catch (const storage::Unavailable& away) {
    log_.error("The database could not serve the request: {}", away.what());
    return error_response(
        MatrixError{503, "M_UNKNOWN", "The server cannot reach its database. Try again later."});
  } catch (const storage::CommitUnknown& unknown) {
    log_.error("The database was lost while it wrote what the request asked for: {}", unknown.what());
    return error_response(
        MatrixError{503, "M_UNKNOWN", "The server cannot reach its database. Try again later."});
  } catch (const nlohmann::json::exception& json) {
    log_.warning("A value of the wrong type was read: {}", json.what());
    if (request.has_parsed_body()) {
      return error_response(bad_json("A value in the body is missing or of the wrong type."));
    }
    return error_response(MatrixError{500, "M_UNKNOWN", "Internal server error"});
  } catch (const std::exception& other) {
    log_.error("Failed to handle the request: {}: {}", type_of_current_exception(), other.what());
  } catch (...) {
    log_.error("Failed to handle the request: an exception of type {}", type_of_current_exception());
  }
  return error_response(MatrixError{500, "M_UNKNOWN", "Internal server error"});
}

}  // namespace lares::http
