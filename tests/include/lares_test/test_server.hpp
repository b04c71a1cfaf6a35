// SPDX-License-Identifier: Apache-2.0
#pragma once

// A Server for tests of plugins: services, routes and a configuration that the test writes down.

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/base/metrics.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/config.hpp>
#include <lares/plugin/server.hpp>
#include <lares/plugin/service_registry.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::testing {

/// Keys and values; of `stream_writers` what was not set is the main process.
class MapConfig final : public Config {
 public:
  MapConfig() = default;
  explicit MapConfig(std::map<std::string, nlohmann::json, std::less<>> values)
      : values_(std::move(values)) {}

  MapConfig& set(const std::string& path, nlohmann::json value) {
    values_[path] = std::move(value);
    set_.push_back(path);
    return *this;
  }
  [[nodiscard]] const nlohmann::json& get(std::string_view path) const override {
    if (const auto at = values_.find(path); at != values_.end()) {
      return at->second;
    }
    if (path.starts_with("stream_writers.")) {
      return main_;
    }
    throw std::logic_error{"undeclared: " + std::string{path}};
  }
  [[nodiscard]] bool is_set(std::string_view path) const override {
    return std::ranges::find(set_, path) != set_.end();
  }
  [[nodiscard]] std::string origin(std::string_view) const override { return "test"; }

 private:
  std::map<std::string, nlohmann::json, std::less<>> values_ = {
      {"instance_map", nlohmann::json::object()}, {"redis.enabled", false},
      {"listeners", nlohmann::json::array()},     {"worker_listeners", nlohmann::json::array()},
      {"worker_replication_host", "127.0.0.1"},   {"worker_replication_port", nullptr},
  };
  std::vector<std::string> set_;
  nlohmann::json main_ = nlohmann::json::array({"master"});
};

class MapServices final : public ServiceRegistry {
 protected:
  void provide_raw(std::string_view id, void* service) override { provided_[std::string{id}] = service; }
  [[nodiscard]] void* get_raw(std::string_view id) const override {
    if (void* const found = find_raw(id)) {
      return found;
    }
    throw StartError{"nobody provides " + std::string{id}};
  }
  [[nodiscard]] void* find_raw(std::string_view id) const noexcept override {
    const auto found = provided_.find(id);
    return found == provided_.end() ? nullptr : found->second;
  }
  void join_raw(std::string_view id, void* participant, int order) override {
    joined_[std::string{id}].emplace(order, participant);
  }
  [[nodiscard]] std::vector<void*> all_raw(std::string_view id) const override {
    std::vector<void*> result;
    if (const auto found = joined_.find(id); found != joined_.end()) {
      for (const auto& [order, participant] : found->second) {
        result.push_back(participant);
      }
    }
    return result;
  }

 private:
  std::map<std::string, void*, std::less<>> provided_;
  std::map<std::string, std::multimap<int, void*>, std::less<>> joined_;
};

class ListRouter final : public http::Router {
 public:
  [[nodiscard]] const std::vector<http::Route>& routes() const noexcept override { return routes_; }

 protected:
  void add_route(http::Route route) override { routes_.push_back(std::move(route)); }

 private:
  std::vector<http::Route> routes_;
};

class TestServer final : public Server {
 public:
  explicit TestServer(Runtime& runtime, std::string instance = "master",
                      std::shared_ptr<const Config> config = std::make_shared<MapConfig>())
      : runtime_(runtime),
        config_(std::move(config)),
        instance_(std::move(instance)),
        app_(instance_ == "master" ? "homeserver" : "generic_worker") {}

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& instance() const noexcept override { return instance_; }
  [[nodiscard]] const std::string& app() const noexcept override { return app_; }
  [[nodiscard]] ConfigPtr config() const noexcept override { return config_; }
  [[nodiscard]] Runtime& runtime() noexcept override { return runtime_; }
  [[nodiscard]] ServiceRegistry& services() noexcept override { return services_; }
  [[nodiscard]] http::Router& router() noexcept override { return router_; }
  [[nodiscard]] metrics::Registry& metrics() noexcept override { return metrics_; }

 private:
  Runtime& runtime_;
  ConfigPtr config_;
  MapServices services_;
  ListRouter router_;
  metrics::Registry metrics_;
  std::string name_ = "example.org";
  std::string instance_;
  std::string app_;
};

}  // namespace lares::testing
