// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/peers.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace lares::stream {

namespace {

// A batch of 100 events of 64 KiB, as JSON inside of JSON.
constexpr std::uint64_t kLargestCall = 16U << 20U;

Task<http::Response> take_call(const PeerHandler& handler, http::Request& request) {
  nlohmann::json body = request.json();
  request.shield_from_cancellation();
  std::optional<http::MatrixError> failure;
  nlohmann::json answer;
  try {
    answer = co_await handler(std::move(body));
  } catch (const nlohmann::json::exception& error) {
    failure = http::bad_json("The call of another process cannot be read.").because(error.what());
  }
  if (failure) {
    throw http::MatrixError{*failure};
  }
  co_return http::Response::json(answer);
}

}  // namespace

void add_peer_route(Server& server, std::string_view name, std::string path, PeerHandler handler) {
  server.router().add<http::Access::Worker>(
      http::Method::Post, {std::move(path)},
      {.name = name, .body_limit = kLargestCall, .resource = "replication"},
      [handler = std::move(handler)](const http::Peer&, http::Request& request) {
        return take_call(handler, request);
      });
}

}  // namespace lares::stream
