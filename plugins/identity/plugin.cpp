// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/server_keys.hpp>

#include "account_capabilities.hpp"
#include "accounts.hpp"
#include "client_ips.hpp"
#include "device_names.hpp"
#include "endpoints.hpp"
#include "erased_users.hpp"
#include "guest_sink.hpp"
#include "interactive_auth.hpp"
#include "passwords.hpp"
#include "profiles.hpp"
#include "schema.hpp"
#include "settings.hpp"
#include "uia.hpp"
#include "user_census.hpp"

namespace lares::identity {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(identity_schema());
  declare_settings(declarations);
}

// Passwords alone are checked here, so there is no provider to name.
metrics::Family<metrics::Counter> logins(Server& server) {
  return server.metrics().counters(
      {.name = "synapse_user_logins",
       .help = "Logins that succeeded.",
       .labels = {metrics::Label::server_name(), metrics::Label::closed("guest", {"false", "true"}),
                  metrics::Label::closed("auth_provider", {""})}});
}

metrics::Family<metrics::Counter> registrations(Server& server) {
  return server.metrics().counters(
      {.name = "synapse_user_registrations",
       .help = "Accounts that were registered.",
       .labels = {metrics::Label::server_name(), metrics::Label::closed("guest", {"false", "true"}),
                  metrics::Label::closed("shadow_banned", {"false"}),
                  metrics::Label::closed("auth_provider", {""})}});
}

class IdentityPlugin final : public Plugin {
 public:
  explicit IdentityPlugin(Server& server)
      : loads_(server.runtime(), "identity caches"),
        database_(server.services().get<storage::Database>()),
        client_ips_(server, database_),
        accounts_(server, loads_, database_, server.services().get<storage::Interner>(),
                  server.services().get<service::CacheStream>(), client_ips_, lifetimes(*server.config())),
        device_names_(accounts_),
        passwords_(server.runtime(), password_cost(*server.config())),
        profiles_(loads_, database_, server.services().get<service::CacheStream>(), server.name()),
        erased_users_(loads_, database_, server.services().get<service::CacheStream>(), server.name()),
        uia_(server.runtime(), database_),
        registration_tokens_(database_),
        tasks_(server, database_, accounts_, profiles_),
        guests_(server, database_, tasks_),
        census_(server, database_),
        capabilities_(server),
        shared_{.server = server,
                .database = database_,
                .keys = server.services().get<service::ServerKeys>(),
                .accounts = accounts_,
                .passwords = passwords_,
                .profiles = profiles_,
                .uia = uia_,
                .interactive_auth = interactive_auth_,
                .tokens = registration_tokens_,
                .tasks = tasks_,
                .logins = logins(server),
                .registrations = registrations(server)},
        interactive_auth_(shared_) {
    server.services().provide<service::Authenticator>(accounts_);
    server.services().provide<service::Devices>(device_names_);
    server.services().provide<service::Profiles>(profiles_);
    server.services().provide<service::ErasedUsers>(erased_users_);
    server.services().provide<service::InteractiveAuth>(interactive_auth_);
    server.services().join<service::Capabilities>(capabilities_);
    server.services().join<service::EventSink>(guests_, 20);
    add_register(shared_);
    add_registration_tokens(shared_);
    add_auth_fallback(shared_);
    add_login(shared_);
    add_account(shared_);
    add_devices(shared_);
    add_profile(shared_);
  }

  Task<void> start() override {
    accounts_.set_observers(shared_.server.services().all<service::DeviceObserver>());
    tasks_.start();
    census_.start();
    client_ips_.start();
    co_return;
  }

  void begin_drain() noexcept override { tasks_.end(); }

  ReloadReport reload(const Config& config) override {
    accounts_.set_disabled(config.boolean("hs_disabled"));
    return {};
  }

  Task<void> drain() override { co_await client_ips_.write(); }

  Task<void> stop() noexcept override {
    co_await client_ips_.stop();
    co_await census_.stop();
    co_await tasks_.stop();
    co_await loads_.stop();
  }

 private:
  TaskGroup loads_;
  storage::Database& database_;
  ClientIps client_ips_;
  Accounts accounts_;
  DeviceNames device_names_;
  Passwords passwords_;
  Profiles profiles_;
  ErasedUsers erased_users_;
  Uia uia_;
  RegistrationTokens registration_tokens_;
  AccountTasks tasks_;
  GuestSink guests_;
  UserCensus census_;
  AccountCapabilities capabilities_;
  Shared shared_;
  AskAgain interactive_auth_;
};

constexpr const char* kProvides[] = {"lares.authenticator/1",    "lares.devices/1",      "lares.profiles/1",
                                     "lares.interactive-auth/1", "lares.erased-users/1", nullptr};
constexpr const char* kNeeds[] = {"lares.app/1", "lares.storage.database/1", "lares.storage.interner/1",
                                  "lares.cache-stream/1", nullptr};

}  // namespace

}  // namespace lares::identity

LARES_PLUGIN(
        .name = "identity", .version = LARES_VERSION, .provides = lares::identity::kProvides,
        .needs = lares::identity::kNeeds, .declare = &lares::identity::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::identity::IdentityPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
