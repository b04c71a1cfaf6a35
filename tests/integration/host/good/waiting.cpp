// SPDX-License-Identifier: Apache-2.0
// Requests that are in flight when the server is asked to stop: a slow one, and a long poll that only
// begin_drain() answers, and two that nothing answers, one of which does not end when it is cancelled,
// either.
#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include <atomic>
#include <chrono>
#include <string>

namespace {

using lares::http::Access;
using lares::http::Anyone;
using lares::http::Method;
using lares::http::Request;
using lares::http::Response;

class Waiting final : public lares::Plugin {
 public:
  explicit Waiting(lares::Server& server) : server_(server) {
    server.router().add<Access::Public>(Method::Get, {"/_test/poll"}, {},
                                        [this](const Anyone&, Request&) { return poll(); });
    server.router().add<Access::Public>(Method::Get, {"/_test/slow"}, {},
                                        [this](const Anyone&, Request&) { return slow(); });
    server.router().add<Access::Public>(Method::Get, {"/_test/stuck"}, {},
                                        [this](const Anyone&, Request&) { return stuck(); });
    server.router().add<Access::Public>(Method::Get, {"/_test/stubborn"}, {.cancellable = false},
                                        [this](const Anyone&, Request&) { return stuck(); });
    server.router().add<Access::Public>(Method::Get, {"/_test/waiting"}, {},
                                        [this](const Anyone&, Request&) { return count(); });
  }
  void begin_drain() noexcept override { draining_.set(); }

 private:
  lares::Task<Response> poll() {
    ++waiting_;
    co_await draining_.wait();
    co_return Response::json_text("\"polled\"");
  }
  // Still busy for a while after the signal.
  lares::Task<Response> slow() {
    ++waiting_;
    co_await draining_.wait();
    co_await server_.runtime().sleep_for(std::chrono::milliseconds(300));
    co_return Response::json_text("\"slow\"");
  }
  lares::Task<Response> stuck() {
    ++waiting_;
    co_await never_.wait();
    co_return Response::empty_object();
  }
  lares::Task<Response> count() { co_return Response::json_text(std::to_string(waiting_)); }

  lares::Server& server_;
  lares::Event draining_;
  lares::Event never_;
  std::atomic<int> waiting_{0};
};

}  // namespace

LARES_PLUGIN(
        .name = "waiting", .version = "1",
        .create = [](lares::Server& server) -> lares::Plugin* { return new Waiting(server); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
