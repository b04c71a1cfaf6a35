// SPDX-License-Identifier: Apache-2.0
#pragma once

// What tests of the HTTP server stand on: a Server without plugins, whose configuration is the declared
// defaults and what the test changes.

#include <http/http_server.hpp>
#include <http/router_impl.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/time.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/authenticator.hpp>
#include <lares/storage/migration.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lares::http::test {

/// A configuration made of declared defaults and of what is set.
class TestConfig final : public Config, private Declarations {
 public:
  TestConfig() {
    declare_config(*this);
    values_["listeners"] = nlohmann::json::array();
    values_["worker_listeners"] = nlohmann::json::array();
    values_["tls_certificate_path"] = "";
    values_["tls_private_key_path"] = "";
    values_["worker_replication_secret"] = "";
    values_["enable_metrics"] = true;
  }
  TestConfig& set(const std::string& path, nlohmann::json value) {
    values_[path] = std::move(value);
    return *this;
  }

  [[nodiscard]] const nlohmann::json& get(std::string_view path) const override {
    const auto at = values_.find(path);
    if (at == values_.end()) {
      throw std::logic_error("undeclared: " + std::string(path));
    }
    return at->second;
  }
  [[nodiscard]] bool is_set(std::string_view path) const override {
    return values_.contains(std::string(path));
  }
  [[nodiscard]] std::string origin(std::string_view) const override { return "default"; }

 private:
  void config(ConfigKey key) override {
    switch (key.type) {
      case ConfigType::Duration:
        values_[key.path] = parse_duration(key.default_value).value().count();
        break;
      case ConfigType::Size:
        values_[key.path] = parse_size(key.default_value).value();
        break;
      default:
        values_[key.path] = nlohmann::json::parse(key.default_value);
        break;
    }
  }
  void schema(storage::Schema) override {}

  std::map<std::string, nlohmann::json, std::less<>> values_;
};

class TestServices final : public ServiceRegistry {
 protected:
  void provide_raw(std::string_view id, void* service) override { services_[std::string(id)] = service; }
  [[nodiscard]] void* get_raw(std::string_view id) const override {
    if (void* service = find_raw(id)) {
      return service;
    }
    throw std::runtime_error("no provider of " + std::string(id));
  }
  [[nodiscard]] void* find_raw(std::string_view id) const noexcept override {
    const auto at = services_.find(id);
    return at == services_.end() ? nullptr : at->second;
  }
  void join_raw(std::string_view, void*, int) override {}
  [[nodiscard]] std::vector<void*> all_raw(std::string_view) const override { return {}; }

 private:
  std::map<std::string, void*, std::less<>> services_;
};

/// Knows a few tokens; those that begin with "slow" only after a look-up.
class TestAuthenticator final : public service::Authenticator {
 public:
  Account& add(const std::string& token, const std::string& user) {
    auto account = std::make_shared<Account>(Account{.user = matrix::UserId::parse(user).value()});
    Account& result = *account;
    accounts_[token] = std::move(account);
    return result;
  }
  [[nodiscard]] std::shared_ptr<const Account> cached(std::string_view token) noexcept override {
    const auto at = accounts_.find(token);
    return at == accounts_.end() || token.starts_with("slow") ? nullptr : at->second;
  }
  Task<std::shared_ptr<const Account>> authenticate(std::string_view token) override;
  void seen(const Account& account, const Request& request) noexcept override {
    seen_by.push_back(account.user.str() + " from " + std::string{request.client_ip()});
  }

  std::vector<std::string> seen_by;  ///< who was admitted, in order

 private:
  std::map<std::string, std::shared_ptr<Account>, std::less<>> accounts_;
};

class TestServer final : public Server {
 public:
  explicit TestServer(Runtime& runtime, std::shared_ptr<TestConfig> config = std::make_shared<TestConfig>())
      : runtime_(runtime), config_(std::move(config)) {
    services_.provide<service::Authenticator>(authenticator);
  }
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& instance() const noexcept override { return instance_; }
  [[nodiscard]] const std::string& app() const noexcept override { return app_; }
  [[nodiscard]] ConfigPtr config() const noexcept override { return config_; }
  [[nodiscard]] Runtime& runtime() noexcept override { return runtime_; }
  [[nodiscard]] ServiceRegistry& services() noexcept override { return services_; }
  [[nodiscard]] Router& router() noexcept override { return router_; }
  [[nodiscard]] metrics::Registry& metrics() noexcept override { return registry_; }
  [[nodiscard]] RouterImpl& router_impl() noexcept { return router_; }
  [[nodiscard]] TestConfig& test_config() noexcept { return *config_; }

  TestAuthenticator authenticator;

 private:
  Runtime& runtime_;
  std::shared_ptr<TestConfig> config_;
  TestServices services_;
  RouterImpl router_;
  metrics::Registry registry_;
  std::string name_ = "example.org";
  std::string instance_ = "master";
  std::string app_ = "homeserver";
};

}  // namespace lares::http::test
