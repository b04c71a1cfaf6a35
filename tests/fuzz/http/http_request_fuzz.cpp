// SPDX-License-Identifier: Apache-2.0
// Bytes of a client, read by a connection in memory. The first byte says in what pieces they arrive and how
// the client ends. Whatever comes, the connection ends, and what was written begins as responses do.
#include "memory_connection.hpp"

#include <lares/base/log.hpp>

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lares;
using namespace lares::http;

namespace {

class Fixture {
 public:
  Fixture() {
    log::Options options;
    options.root_level = log::Level::kOff;
    static_cast<void>(log::configure(std::move(options)));
    server.server().authenticator.add("token", "@user:example.org");
    Router& router = server.router();
    router.add<Access::Public>(
        Method::Get, {"/a", "/p/{one}/{two}", "/rest/{rest*}"}, {.name = "A"},
        [](const Anyone&, Request& request) -> Task<Response> {
          co_return Response::json({{"q", request.query_all("q")}, {"ua", request.user_agent()}});
        });
    router.add<Access::User>(Method::Put, {"/j/{id}"}, {.name = "J", .body_limit = 4096},
                             [](const Requester&, Request& request) -> Task<Response> {
                               co_return Response::json(request.json());
                             });
    router.add<Access::Public>(
        Method::Post, {"/raw"}, {.name = "Raw", .body_json = false, .body_limit = 4096},
        [](const Anyone&, Request& request) -> Task<Response> {
          co_return Response{.content_type = "text/plain", .body = std::string(request.body())};
        });
    router.add<Access::Server>(
        Method::Get, {"/s"}, {.name = "S"},
        [](const Origin&, Request&) -> Task<Response> { co_return Response::empty_object(); });
    ReloadReport report;
    server.server().test_config().set("rate_limits", false);
    server.limits().reload(server.server().test_config(), report);
    server.open();
    server.settings().x_forwarded = true;
    server.settings().compressed = UINT32_MAX;
    server.settings().request_id_header = "X-Request-Id";
  }
  test::MemoryServer server;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture& fixture = *new Fixture();
  if (size == 0) {
    return 0;
  }
  const std::uint8_t how = data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto wire = fixture.server.connect();
  fixture.server.on_loop([&] {
    if ((how & 1U) != 0) {
      wire->read_step = 1U + (how >> 4U);
    }
    if ((how & 2U) != 0) {
      wire->room = 7;
    }
    wire->input = bytes;
    wire->input_ended = (how & 4U) == 0;
    wire->broken = false;
    wire->pump();
  });
  fixture.server.until(wire, [&] {
    if (wire->room < 7) {
      wire->room = 7;
    }
    if ((how & 4U) != 0 && wire->input.empty()) {
      wire->input_ended = true;
    }
    return wire->closed;
  });
  if (!wire->output.empty() && !wire->output.starts_with("HTTP/1.1 ")) {
    std::abort();
  }
  return 0;
}
