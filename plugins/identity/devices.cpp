// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include "endpoints.hpp"
#include "password_policy.hpp"

namespace lares::identity {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::int64_t kLongestDisplayName = 100;
constexpr std::size_t kLongestDeviceId = 512;
constexpr std::size_t kMostDevicesAtOnce = 1000;

void check_display_name(const std::optional<std::string>& name) {
  if (name && characters(*name) > kLongestDisplayName) {
    throw http::too_large("A device's name is at most 100 characters long.");
  }
}

json device_json(const Device& device, const Requester& requester) {
  json object = {{"device_id", device.device_id}, {"user_id", requester.user().str()}};
  if (device.display_name) {
    object["display_name"] = *device.display_name;
  }
  // matrix-nio reads no device without these two.
  object["last_seen_ts"] = device.last_seen_ts ? json(*device.last_seen_ts) : json();
  object["last_seen_ip"] = device.last_seen_ip ? json(*device.last_seen_ip) : json();
  return object;
}

/// GET /devices. spec: Client-Server API, "Device Management"
Task<Response> get_devices(Shared& shared, const Requester& requester) {
  const std::vector<Device> devices = co_await shared.accounts.devices(requester.account().user_number);
  json list = json::array();
  for (const Device& device : devices) {
    list.push_back(device_json(device, requester));
  }
  co_return Response::json({{"devices", std::move(list)}});
}

http::MatrixError no_such_device() {
  return http::not_found("You have no device of this name.");
}

Task<Device> device_of(Shared& shared, const Requester& requester, const Request& request) {
  std::optional<Device> device =
      co_await shared.accounts.device(requester.account().user_number, request.param("deviceId"));
  if (!device) {
    throw no_such_device();
  }
  co_return std::move(*device);
}

Task<Response> get_device(Shared& shared, const Requester& requester, Request& request) {
  const Device device = co_await device_of(shared, requester, request);
  co_return Response::json(device_json(device, requester));
}

Task<Response> put_device(Shared& shared, const Requester& requester, Request& request) {
  std::optional<std::string> name = optional_string(request.json(), "display_name");
  check_display_name(name);
  if (!name) {
    co_await device_of(shared, requester, request);  // what is not given stays as it is
    co_return Response::empty_object();
  }
  request.shield_from_cancellation();
  if (!co_await shared.accounts.rename_device(requester.account().user_number, request.param("deviceId"),
                                              std::move(*name))) {
    throw no_such_device();
  }
  co_return Response::empty_object();
}

Task<Response> remove(Shared& shared, const Requester& requester, Request& request,
                      std::vector<std::string> device_ids) {
  if (std::optional<Response> ask =
          co_await shared.interactive_auth.step(requester, request, "delete_devices")) {
    co_return std::move(*ask);
  }
  request.shield_from_cancellation();
  co_await shared.accounts.delete_devices(requester.account().user_number, std::move(device_ids));
  co_return Response::empty_object();
}

Task<Response> delete_device(Shared& shared, const Requester& requester, Request& request) {
  std::vector<std::string> ids{request.param("deviceId")};
  co_return co_await remove(shared, requester, request, std::move(ids));
}

Task<Response> post_delete_devices(Shared& shared, const Requester& requester, Request& request) {
  const json& body = request.json();
  const auto devices = body.find("devices");
  if (devices == body.end()) {
    throw http::missing_param("'devices' is missing.");
  }
  if (!devices->is_array() || devices->size() > kMostDevicesAtOnce) {
    throw http::bad_json("'devices' is not a list of at most 1000 device ids.");
  }
  std::vector<std::string> ids;
  for (const json& device : *devices) {
    if (!device.is_string()) {
      throw http::bad_json("A device id is not a string.");
    }
    ids.push_back(device.get<std::string>());
  }
  co_return co_await remove(shared, requester, request, std::move(ids));
}

}  // namespace

SessionOptions session_options(const json& body) {
  SessionOptions options{.device_id = optional_string(body, "device_id"),
                         .display_name = optional_string(body, "initial_device_display_name"),
                         .refreshable = false};
  if (options.device_id && options.device_id->empty()) {
    options.device_id.reset();
  }
  if (options.device_id && options.device_id->size() > kLongestDeviceId) {
    throw http::invalid_param("A device id is at most 512 bytes long.");
  }
  check_display_name(options.display_name);
  if (const auto refresh = body.find("refresh_token"); refresh != body.end()) {
    if (!refresh->is_boolean()) {
      throw http::bad_json("'refresh_token' is not a boolean.");
    }
    options.refreshable = refresh->get<bool>();
  }
  return options;
}

void add_devices(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Guest>(
      Method::Get, http::client_paths("/devices"), {.name = "DevicesRestServlet"},
      [&shared](const Requester& requester, Request&) { return get_devices(shared, requester); });
  router.add<Access::Guest>(Method::Get, http::client_paths("/devices/{deviceId}"),
                            {.name = "DeviceRestServlet"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_device(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Put, http::client_paths("/devices/{deviceId}"),
                            {.name = "DeviceRestServlet"},
                            [&shared](const Requester& requester, Request& request) {
                              return put_device(shared, requester, request);
                            });
  router.add<Access::User>(Method::Delete, http::client_paths("/devices/{deviceId}"),
                           {.name = "DeviceRestServlet", .body_optional = true},
                           [&shared](const Requester& requester, Request& request) {
                             return delete_device(shared, requester, request);
                           });
  router.add<Access::User>(Method::Post, http::client_paths("/delete_devices"),
                           {.name = "DeleteDevicesRestServlet"},
                           [&shared](const Requester& requester, Request& request) {
                             return post_delete_devices(shared, requester, request);
                           });
}

}  // namespace lares::identity
