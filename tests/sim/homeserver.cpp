// SPDX-License-Identifier: Apache-2.0
#include "homeserver.hpp"

#include <host/start_order.hpp>
#include <http/connection.hpp>
#include <lares_test/test_server.hpp>

#include <lares/async/promise.hpp>
#include <lares/base/strings.hpp>
#include <lares/service/catch_up.hpp>
#include <lares/service/rooms.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ranges>
#include <utility>

namespace lares::sim {

using nlohmann::json;

namespace {

// What the simulation does in their place.
constexpr std::array<std::string_view, 6> kReplaced = {"hub", "local", "postgres", "redis", "sqlite", "tcp"};

class SimServer final : public Server {
 public:
  SimServer(Runtime& runtime, std::string instance, ConfigPtr config)
      : runtime_(runtime),
        config_(std::move(config)),
        name_(config_->string("server_name")),
        instance_(std::move(instance)),
        app_(config_->string("worker_app")) {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& instance() const noexcept override { return instance_; }
  [[nodiscard]] const std::string& app() const noexcept override { return app_; }
  [[nodiscard]] ConfigPtr config() const noexcept override { return config_; }
  [[nodiscard]] Runtime& runtime() noexcept override { return runtime_; }
  [[nodiscard]] ServiceRegistry& services() noexcept override { return services_; }
  [[nodiscard]] http::RouterImpl& router() noexcept override { return router_; }
  [[nodiscard]] metrics::Registry& metrics() noexcept override { return metrics_; }

 private:
  Runtime& runtime_;
  ConfigPtr config_;
  testing::MapServices services_;
  http::RouterImpl router_;
  metrics::Registry metrics_;
  std::string name_;
  std::string instance_;
  std::string app_;
};

}  // namespace

/// A connection in memory: the client has sent all it says before it begins.
class Wire {
 public:
  explicit Wire(std::string request) : request_(std::move(request)) {}

  [[nodiscard]] Future<std::string> response() const { return done_.future(); }
  /// The client hears nothing more.
  void cut() { done_.set(std::string{}); }

  [[nodiscard]] bool unread() const noexcept { return !request_.empty(); }
  http::IoResult read(std::span<char> into) noexcept {
    const std::size_t count = std::min(into.size(), request_.size());
    if (count == 0) {
      return {http::IoStatus::WantRead, 0};
    }
    request_.copy(into.data(), count);
    request_.erase(0, count);
    return {http::IoStatus::Ok, count};
  }

  http::IoResult write(std::string_view first, std::string_view second) noexcept {
    text_.append(first).append(second);
    return {http::IoStatus::Ok, first.size() + second.size()};
  }

  void ended() { done_.set(std::move(text_)); }

 private:
  std::string request_;
  std::string text_;
  Promise<std::string> done_;
};

namespace {

class WireStream final : public http::Stream {
 public:
  explicit WireStream(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  http::IoResult read(std::span<char> into) noexcept override {
    return shut_ ? http::IoResult{http::IoStatus::Eof, 0} : wire_->read(into);
  }
  http::IoResult write(std::string_view first, std::string_view second) noexcept override {
    return wire_->write(first, second);
  }
  // The client takes whatever it is given, says nothing more when it has said all, and goes when the server
  // has.
  void wait(http::Want want, RefPtr<http::Connection> connection) override {
    if (want == http::Want::Write || shut_ || wire_->unread()) {
      Loop::current()->post([want, connection = std::move(connection)] { connection->on_ready(want); });
    }
  }
  void shutdown() noexcept override {
    shut_ = true;
    wire_->ended();
  }
  void close() noexcept override { wire_->ended(); }

 private:
  std::shared_ptr<Wire> wire_;
  bool shut_ = false;
};

Answer read_answer(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return {};
  }
  Answer answer{.status = static_cast<int>(parse_int64(text.substr(9, 3)).value_or(0)),
                .body = json::parse(text.substr(end + 4), nullptr, false)};
  if (answer.body.is_discarded()) {
    answer.status = 0;
  }
  return answer;
}

}  // namespace

Homeserver::Homeserver(const Parts& parts, const host::Host& host, const std::string& instance,
                       ConfigPtr config)
    : Process(parts, std::make_unique<SimServer>(parts.runtime, instance, std::move(config))),
      router_(static_cast<SimServer&>(*server_).router()),
      interner_(database_, parts.runtime, {.server_name = server_->name()}),
      notifier_(
          parts.runtime, [this] { return hub_.now(); },
          [this](std::int64_t user) { return server_->services().get<service::Rooms>().joined_rooms(user); }),
      keys_(*server_->config(), parts.runtime, host::KeyUse::Ephemeral),
      limits_(parts.runtime, *server_->config(), server_->name()),
      gate_(*server_, limits_),
      metrics_(server_->metrics(), server_->name()),
      core_{.runtime = parts.runtime,
            .router = router_,
            .gate = gate_,
            .metrics = metrics_,
            .server_name = server_->name()},
      modules_(server_->runtime(), server_->name(), {}),
      settings_(std::make_shared<http::ListenerSettings>()) {
  ServiceRegistry& services = server_->services();
  services.provide<service::CatchUp>(hub_);
  services.provide(interner_);
  services.provide<stream::Notifier>(notifier_);
  services.provide<service::ServerKeys>(keys_);
  services.provide<service::RateLimiter>(limits_);
  services.provide<service::SpamChecker>(modules_);
  for (std::size_t i = 0; i < at_.loop_count(); ++i) {
    loops_.push_back(std::make_unique<http::HttpLoop>(core_, at_.loop(i)));
  }
  settings_->site_tag = "simulation";
  settings_->resources = UINT32_MAX;
  construct(host.catalogue());
}

Homeserver::~Homeserver() {
  for (const Active& active : std::views::reverse(plugins_)) {
    active.library->descriptor().destroy(active.plugin);
  }
}

void Homeserver::construct(const host::Catalogue& catalogue) {
  std::vector<host::OrderedPlugin> candidates;
  std::vector<std::string> given;
  for (const host::PluginLibrary& library : catalogue.plugins()) {
    const host::PluginNote& note = library.note();
    const bool replaced = std::ranges::find(kReplaced, library.name()) != kReplaced.end();
    const auto active = library.descriptor().active;
    if (replaced) {
      given.insert(given.end(), note.provides.begin(), note.provides.end());
    }
    candidates.push_back(
        {note.name, note.provides, note.needs, !replaced && (active == nullptr || active(*server_))});
  }
  std::ranges::sort(given);
  given.erase(std::ranges::unique(given).begin(), given.end());
  const auto order = host::start_order(candidates, given);
  if (!order) {
    throw StartError(fmt::format("{}", fmt::join(order.error(), "\n")));
  }
  for (const std::size_t index : *order) {
    const host::PluginLibrary& library = catalogue.plugins()[index];
    router_.set_plugin(library.name());
    plugins_.push_back({&library, library.descriptor().create(*server_)});
  }
}

Task<void> Homeserver::start() {
  co_await hub_.start();
  for (Active& active : plugins_) {
    active.started = true;
    co_await active.plugin->start();
  }
  gate_.open(router_);
  metrics_.know(router_);
  started();
}

void Homeserver::kill() {
  Process::kill();
  for (const std::weak_ptr<Wire>& wire : wires_) {
    if (const std::shared_ptr<Wire> open = wire.lock()) {
      open->cut();
    }
  }
  for (const auto& loop : loops_) {
    loop->loop().post([at = loop.get()] { at->abort(); });
  }
}

Task<void> Homeserver::end() {
  notifier_.end();
  for (const Active& active : std::views::reverse(plugins_)) {
    active.plugin->begin_drain();
  }
  for (const auto& loop : loops_) {
    co_await loop->empty().wait(SteadyTime::max());
  }
  for (const Active& active : std::views::reverse(plugins_)) {
    if (active.started) {
      try {
        co_await active.plugin->drain();
      } catch (const std::exception&) {
        // It has no database any more.
      }
    }
  }
  for (const Active& active : std::views::reverse(plugins_)) {
    if (active.started) {
      co_await active.plugin->stop();
    }
  }
  co_await leave();
}

Task<Answer> Homeserver::ask(std::string method, std::string target, std::string token, std::string body) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", method, target, server_->name());
  if (!token.empty()) {
    text += fmt::format("Authorization: Bearer {}\r\n", token);
  }
  if (method != "GET") {
    text += fmt::format("Content-Length: {}\r\n", body.size());
  }
  const auto wire = std::make_shared<Wire>(text + "\r\n" + body);
  std::erase_if(wires_, [](const std::weak_ptr<Wire>& other) { return other.expired(); });
  wires_.push_back(wire);
  co_await at_.sleep_for(std::chrono::microseconds{at_.between(50, 2'000)});
  if (!alive()) {
    co_return Answer{};
  }
  core_.connections.fetch_add(1);
  http::HttpLoop& loop = *loops_[static_cast<std::size_t>(at_.between(0, loops_.size() - 1))];
  loop.loop().post([&loop, wire, settings = settings_] {
    loop.adopt(std::make_unique<WireStream>(wire), settings, "192.0.2.1");
  });
  const Future<std::string> response = wire->response();
  const std::string answer = co_await response.get();
  co_await at_.sleep_for(std::chrono::microseconds{at_.between(50, 2'000)});
  co_return read_answer(answer);
}

}  // namespace lares::sim
