// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_support.hpp"

#include <http/connection.hpp>
#include <http/gate.hpp>
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <http/rate_limits.hpp>
#include <http/settings.hpp>
#include <http/stream.hpp>

#include <lares/async/real_runtime.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lares::http::test {

/// The other end of a connection in memory. Belongs to the loop.
struct Wire {
  std::string input;         ///< what the connection has not read yet
  bool input_ended = false;  ///< the client has closed its side
  bool broken = false;       ///< the client is gone
  std::string output;
  std::size_t room = SIZE_MAX;  ///< how much the client still takes
  std::size_t read_step = SIZE_MAX;
  bool shut = false;
  bool closed = false;
  RefPtr<Connection> reader;
  RefPtr<Connection> writer;

  /// Wakes the connection as long as it waits for what is there.
  void pump();
};

class MemoryStream final : public Stream {
 public:
  explicit MemoryStream(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  IoResult read(std::span<char> into) noexcept override;
  IoResult write(std::string_view first, std::string_view second) noexcept override;
  void wait(Want want, RefPtr<Connection> connection) override;
  void shutdown() noexcept override { wire_->shut = true; }
  void close() noexcept override;

 private:
  std::shared_ptr<Wire> wire_;
};

/// A server whose connections live in memory, on a loop of its own.
class MemoryServer {
 public:
  MemoryServer();
  ~MemoryServer();

  [[nodiscard]] TestServer& server() noexcept { return server_; }
  [[nodiscard]] Router& router() noexcept { return server_.router(); }
  [[nodiscard]] ListenerSettings& settings() noexcept { return *settings_; }
  [[nodiscard]] HttpCore& core() noexcept { return core_; }
  [[nodiscard]] RateLimits& limits() noexcept { return limits_; }
  void drain() {
    on_loop([this] { loop_.drain(); });
  }
  /// Call after the routes were added.
  void open();

  [[nodiscard]] std::shared_ptr<Wire> connect();
  /// Runs a function on the loop and waits for it.
  void on_loop(const std::function<void()>& function);
  /// Adds to what the client has sent.
  void send(const std::shared_ptr<Wire>& wire, std::string_view bytes);
  void end_input(const std::shared_ptr<Wire>& wire);
  void break_wire(const std::shared_ptr<Wire>& wire);
  /// Lets deadlines pass as if so much time had gone by, besides what passed before.
  void pass_time(std::chrono::milliseconds time);
  /// Waits until `done` says so; throws after ten seconds. What the connection waits for is pumped meanwhile.
  void until(const std::shared_ptr<Wire>& wire, const std::function<bool()>& done);
  /// Waits until so many responses have come, or the connection was closed; gives all output and forgets it.
  std::string responses(const std::shared_ptr<Wire>& wire, std::size_t count = 1);
  /// One connection: sends, waits for one response.
  std::string ask(std::string_view bytes);
  /// `ask` for method, path, headers (each with its line end) and body.
  std::string ask(std::string_view method, std::string_view path, std::string_view headers = {},
                  std::string_view body = {});

 private:
  RealRuntime runtime_;
  TestServer server_;
  RateLimits limits_;
  Gate gate_;
  HttpMetrics metrics_;
  HttpCore core_;
  HttpLoop loop_;
  std::shared_ptr<ListenerSettings> settings_;
  std::chrono::milliseconds passed_{0};
};

/// Parts of a response in text.
[[nodiscard]] int status_of(std::string_view response);
[[nodiscard]] std::string body_of(std::string_view response);
[[nodiscard]] std::string header_of(std::string_view response, std::string_view name);
[[nodiscard]] std::string errcode_of(std::string_view response);

}  // namespace lares::http::test
