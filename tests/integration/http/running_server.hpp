// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_support.hpp"

#include <lares/async/event.hpp>
#include <lares/async/real_runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/request.hpp>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <stdlib.h>

namespace lares::http::test {

/// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lares-http-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Keeps what is logged while it lives.
class LogLines final : public log::Capture {
 public:
  LogLines() {
    log::set_level("lares.access", log::Level::kInfo);
    log::set_capture(this);
  }
  ~LogLines() override { log::set_capture(nullptr); }
  void line(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(text);
  }
  /// The first line that contains `part`, once there is one; empty after ten seconds.
  std::string wait_for(std::string_view part) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
         std::chrono::steady_clock::now() < end; std::this_thread::yield()) {
      const std::lock_guard lock(mutex_);
      for (const std::string& text : lines_) {
        if (text.find(part) != std::string::npos) {
          return text;
        }
      }
    }
    return {};
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// An HTTP server on real sockets with a few routes: /hello, /poll (until `release`), /firm (the same, not
/// cancellable), POST /echo, /large.
class RunningServer {
 public:
  RunningServer() : runtime_({.threads = 2}), server_(runtime_) {
    server_.authenticator.add("token", "@user:example.org");
    listeners_.push_back({{"port", 0},
                          {"bind_addresses", {"127.0.0.1"}},
                          {"resources", {{{"names", {"client", "metrics"}}}}}});
  }
  ~RunningServer() {
    if (http_ != nullptr) {
      release.set();
      stop();
    }
    runtime_.stop();
  }

  [[nodiscard]] TestServer& server() noexcept { return server_; }
  [[nodiscard]] Runtime& runtime() noexcept { return runtime_; }
  [[nodiscard]] HttpServer& http() noexcept { return *http_; }
  [[nodiscard]] nlohmann::json& listeners() noexcept { return listeners_; }
  [[nodiscard]] std::uint16_t port(std::size_t listener = 0) const {
    return http_->addresses().at(listener).port;
  }

  void start() {
    server_.test_config().set("listeners", listeners_);
    http_ = std::make_unique<HttpServer>(server_, server_.router_impl());
    Router& router = server_.router();
    router.add<Access::Public>(
        Method::Get, {"/hello"}, {.name = "Hello"},
        [](const Anyone&, Request&) -> Task<Response> { co_return Response::json_text(R"({"hello":1})"); });
    router.add<Access::User>(
        Method::Get, {"/whoami"}, {.name = "Whoami"},
        [](const Requester&, Request&) -> Task<Response> { co_return Response::empty_object(); });
    router.add<Access::Public>(Method::Get, {"/poll"}, {.name = "Poll"},
                               [this](const Anyone&, Request&) { return poll(); });
    router.add<Access::Public>(Method::Get, {"/firm"}, {.name = "Firm", .cancellable = false},
                               [this](const Anyone&, Request&) { return poll(); });
    router.add<Access::Public>(
        Method::Post, {"/echo"}, {.name = "Echo", .body_json = false, .body_limit = 1U << 20U},
        [](const Anyone&, Request& request) -> Task<Response> {
          co_return Response{.content_type = "text/plain", .body = std::string(request.body())};
        });
    router.add<Access::Public>(Method::Get, {"/large"}, {.name = "Large"},
                               [](const Anyone&, Request&) -> Task<Response> {
                                 co_return Response::json_text("\"" + std::string(8'000'000, 'x') + "\"");
                               });
    run([](HttpServer& http) -> Task<void> { co_await http.start(); });
  }
  void ready() {
    run([](HttpServer& http) -> Task<void> {
      http.ready();
      co_return;
    });
  }
  void begin() {
    start();
    ready();
  }
  void stop() {
    run([](HttpServer& http) -> Task<void> { co_await http.stop(); });
    http_.reset();
  }
  /// Runs a task with the server, on its first loop.
  void run(Task<void> (*task)(HttpServer&)) { run_blocking(runtime_, "test", task(*http_)); }
  ReloadReport reload() {
    ReloadReport report;
    run_blocking(runtime_, "reload",
                 [](HttpServer& http, const Config& config, ReloadReport& out) -> Task<void> {
                   out = http.reload(config);
                   co_return;
                 }(*http_, server_.test_config(), report));
    return report;
  }
  void wait_for_polls(int count) const {
    while (polls.load() < count) {
      std::this_thread::yield();
    }
  }

  Event release;
  std::atomic<int> polls{0};

 private:
  Task<Response> poll() {
    polls.fetch_add(1);
    static_cast<void>(co_await release.wait());
    co_return Response::empty_object();
  }

  RealRuntime runtime_;
  TestServer server_;
  nlohmann::json listeners_ = nlohmann::json::array();
  std::unique_ptr<HttpServer> http_;
};

}  // namespace lares::http::test
