// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace lares::sim {

using nlohmann::json;

namespace {

constexpr std::chrono::milliseconds kPause{200};
constexpr std::chrono::seconds kPatience{15};

/// What a peer's route sees.
class PeerRequest final : public http::Request {
 public:
  explicit PeerRequest(std::string body) : body_(std::move(body)) {}
  [[nodiscard]] http::Method method() const noexcept override { return http::Method::Post; }
  [[nodiscard]] std::string_view target() const noexcept override { return {}; }
  [[nodiscard]] const std::string& param(std::string_view) const override { return empty_; }
  [[nodiscard]] std::optional<std::string> query(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] std::vector<std::string> query_all(std::string_view) const override { return {}; }
  [[nodiscard]] std::string_view header(std::string_view) const noexcept override { return {}; }
  [[nodiscard]] std::string_view body() const noexcept override { return body_; }
  [[nodiscard]] std::string_view client_ip() const noexcept override { return {}; }
  [[nodiscard]] std::string_view user_agent() const noexcept override { return {}; }
  [[nodiscard]] std::int64_t received_ts() const noexcept override { return 0; }
  void shield_from_cancellation() noexcept override {}
  void set_tag(std::string_view) noexcept override {}

 private:
  std::string body_;
  std::string empty_;
};

}  // namespace

Task<json> TownPeers::call(std::string instance, std::string path, json body, stream::Repeat repeat) {
  const SteadyTime give_up = at_.steady_now() + kPatience;
  for (;;) {
    co_await at_.sleep_for(std::chrono::microseconds{at_.between(100, 3'000)});
    Process* const other = self_.alive() ? town_.find(instance) : nullptr;
    std::optional<json> answer;
    if (other != nullptr) {
      try {
        answer = co_await other->answer(path, body);
      } catch (const http::MatrixError& error) {
        // It may not have read of its new task yet.
        if (error.status() < 500 && error.errcode() != "M_UNRECOGNIZED") {
          throw;
        }
      } catch (const std::exception&) {
        // The other end answers it with 500.
      }
      co_await at_.sleep_for(std::chrono::microseconds{at_.between(100, 3'000)});
    }
    if (answer && other->alive() && !at_.chance(2)) {
      co_return *std::move(answer);
    }
    if (repeat == stream::Repeat::kNever || at_.steady_now() >= give_up || !self_.alive()) {
      throw http::unavailable("Another process of this server is away.");
    }
    co_await at_.sleep_for(kPause);
  }
}

Process::Process(const Parts& parts, std::unique_ptr<Server> server)
    : at_(parts.runtime),
      town_(parts.town),
      server_(std::move(server)),
      database_(parts.runtime, parts.database, parts.fuse, parts.held, parts.faults),
      transport_(parts.runtime, parts.network),
      peers_(parts.runtime, parts.town, *this),
      hub_(*server_, database_, [this] { kill(); }) {
  server_->services().provide<storage::Database>(database_);
  server_->services().provide<stream::Hub>(hub_);
  server_->services().provide<stream::Peers>(peers_);
  server_->services().join<stream::Transport>(transport_);
}

Process::~Process() = default;

void Process::kill() {
  alive_ = false;
  database_.cut();
  transport_.cut();
}

Task<void> Process::leave() {
  co_await hub_.stop();
  co_await transport_.close();
  co_await database_.stop();
}

Task<json> Process::answer(std::string path, json body) {
  for (const http::Route& route : server_->router().routes()) {
    if (route.patterns.front() == path) {
      PeerRequest request{body.dump()};
      const std::string proof = "peer";
      http::Response response = co_await route.handler(&proof, request);
      co_return json::parse(response.body);
    }
  }
  throw http::MatrixError{404, "M_UNRECOGNIZED", "There is no such route."};
}

}  // namespace lares::sim
