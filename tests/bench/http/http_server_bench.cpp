// SPDX-License-Identifier: Apache-2.0
// The HTTP server with handlers that do nothing, to be measured with wrk and with idle long polls:
//
//     bench_http_server PORT THREADS [log level]
//     wrk -t2 -c16 -d10s http://127.0.0.1:PORT/_matrix/client/versions

#include "http_support.hpp"

#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/http/request.hpp>

#include <cstdio>
#include <cstdlib>
#include <semaphore>

#include <sys/resource.h>
#include <csignal>

using namespace lares;
using namespace lares::http;

namespace {

std::binary_semaphore stop_signal(0);

}  // namespace

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8008;
  const auto threads = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 2);
  log::Options options;
  options.root_level = log::parse_level(argc > 3 ? argv[3] : "WARNING").value_or(log::Level::kWarning);
  options.sinks.push_back({});
  if (const auto configured = log::configure(std::move(options)); !configured) {
    std::fprintf(stderr, "%s\n", configured.error().c_str());
    return 1;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  RealRuntime runtime({.threads = threads});
  test::TestServer server(runtime);
  server.test_config().set("listeners", {{{"port", port},
                                          {"bind_addresses", {"127.0.0.1"}},
                                          {"resources", {{{"names", {"client", "metrics"}}}}}}});
  server.test_config().set("http.idle_timeout", 3'600'000);
  server.authenticator.add("token", "@alice:example.org");
  HttpServer http(server, server.router_impl());
  Event never;

  const auto versions = std::make_shared<const std::string>(
      R"({"versions":["r0.6.1","v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.7","v1.8","v1.9","v1.10","v1.11"],"unstable_features":{}})");
  server.router().add<Access::Public>(Method::Get, {"/_matrix/client/versions"},
                                      {.name = "VersionsRestServlet"},
                                      [versions](const Anyone&, Request&) -> Task<Response> {
                                        Response response;
                                        response.shared_body = versions;
                                        co_return response;
                                      });
  server.router().add<Access::User>(
      Method::Get, client_paths("/account/whoami"), {.name = "WhoamiRestServlet"},
      [](const Requester& requester, Request&) -> Task<Response> {
        co_return Response::json_text(R"({"user_id":")" + requester.user().str() + R"("})");
      });
  server.router().add<Access::User>(
      Method::Put, client_paths("/rooms/{roomId}/send/{eventType}/{txnId}"),
      {.name = "RoomSendEventRestServlet"}, [](const Requester&, Request& request) -> Task<Response> {
        co_return Response::json_text(R"({"event_id":"$)" + request.param("txnId") + R"("})");
      });
  server.router().add<Access::User>(Method::Get, client_paths("/sync"), {.name = "SyncRestServlet"},
                                    [&never](const Requester&, Request&) -> Task<Response> {
                                      co_await never.wait();
                                      co_return Response::empty_object();
                                    });

  run_blocking(runtime, "start", [](HttpServer& it) -> Task<void> {
    co_await it.start();
    it.ready();
  }(http));
  std::fprintf(stderr, "listening on port %u\n", http.addresses().front().port);
  std::signal(SIGINT, [](int) { stop_signal.release(); });
  std::signal(SIGTERM, [](int) { stop_signal.release(); });
  stop_signal.acquire();
  run_blocking(runtime, "stop", [](HttpServer& it) -> Task<void> {
    co_await it.drain(std::chrono::milliseconds(1000));
    co_await it.stop();
  }(http));
}
