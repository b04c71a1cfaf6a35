// SPDX-License-Identifier: Apache-2.0
#include <config/worker_rules.hpp>

#include <config/path.hpp>
#include <config/spelling.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lares::config {

namespace {

using nlohmann::json;

constexpr std::string_view kMain = "master";

constexpr std::array<std::string_view, 8> kApps = {"homeserver", "generic_worker",    "pusher",
                                                   "appservice", "federation_sender", "media_repository",
                                                   "user_dir",   "frontend_proxy"};

// Apps that Synapse had before one generic worker took their place.
constexpr std::array<std::string_view, 4> kHistoricalApps = {"synchrotron", "client_reader",
                                                             "federation_reader", "event_creator"};

// Keys by which the processes of a server find each other: what one of them believed alone would lose writes.
constexpr std::array<std::string_view, 14> kShared = {"server_name",
                                                      "instance_map",
                                                      "stream_writers",
                                                      "worker_replication_secret",
                                                      "worker_replication_secret_path",
                                                      "pusher_instances",
                                                      "federation_sender_instances",
                                                      "outbound_federation_restricted_to",
                                                      "run_background_tasks_on",
                                                      "update_user_directory_from_worker",
                                                      "notify_appservices_from_worker",
                                                      "media_instance_running_background_jobs",
                                                      "macaroon_secret_key",
                                                      "form_secret"};

constexpr std::array<std::string_view, 3> kInstanceLists = {"pusher_instances", "federation_sender_instances",
                                                            "outbound_federation_restricted_to"};

constexpr std::array<std::string_view, 4> kInstances = {
    "run_background_tasks_on", "update_user_directory_from_worker", "notify_appservices_from_worker",
    "media_instance_running_background_jobs"};

class WorkerRules {
 public:
  explicit WorkerRules(RuleContext& rules)
      : rules_(rules),
        app_(canonical_app(rules.text("worker_app"))),
        worker_(app_ != "homeserver"),
        name_(own_name(rules)) {}

  void check() {
    check_app();
    check_name();
    check_instance_map();
    check_writers();
    check_duties();
    check_legacy_switches();
    check_restricted_federation();
    if (worker_) {
      check_shared_keys();
      check_database();
    } else {
      check_worker_keys_of_main();
    }
  }

 private:
  static std::string own_name(const RuleContext& rules) {
    const std::string name = rules.text("worker_name");
    return name.empty() ? rules.text("worker_app") : name;
  }

  void check_app() {
    if (std::ranges::find(kApps, app_) != kApps.end()) {
      return;
    }
    const std::string meant = nearest(app_, {kApps.begin(), kApps.end()});
    rules_.error("worker_app", fmt::format("there is no app \"{}\"; {}", app_,
                                           meant.empty() ? "most workers are a generic_worker"
                                                         : fmt::format("did you mean {}?", meant)));
  }

  void check_name() {
    const std::string name = rules_.text("worker_name");
    const bool main_name = canonical_instance(name) == kMain;
    if (worker_ && main_name) {
      rules_.error("worker_name",
                   fmt::format("\"{}\" is the main process's name; give the worker another", name));
    }
    if (!worker_ && !name.empty() && !main_name) {
      rules_.error("worker_name", "only a worker has a name; add worker_app, or remove this key");
    }
  }

  /// The main process would otherwise start beside the one that there is.
  void check_worker_keys_of_main() {
    if (rules_.at("worker_listeners") != nullptr && rules_.given("worker_listeners")) {
      rules_.error("worker_listeners",
                   "only a worker reads this; the main process listens on `listeners`, and a worker "
                   "needs worker_app");
    }
  }

  void check_instance_map() {
    const json* map = rules_.at("instance_map");
    if (map == nullptr || !map->is_object()) {
      return;
    }
    for (const auto& [name, place] : map->items()) {
      const std::string path = join_path("instance_map", name);
      const auto has = [&](std::string_view key) {
        return rules_.given(join_path(path, key)) && !place.value(std::string(key), json()).is_null();
      };
      const bool tcp = has("host") && has("port");
      if (tcp == has("path") || (has("path") && (has("host") || has("port")))) {
        rules_.error(path, "expected either host and port, or path");
      }
    }
    if (map->contains("main") && map->contains(kMain)) {
      rules_.error("instance_map.master", "main and master are the same process; remove one of them");
    }
    if (worker_ && !knows("main")) {
      rules_.error("instance_map",
                   "a worker has to know where the main process is: add "
                   "`main: {host: HOST, port: PORT}`");
    }
  }

  [[nodiscard]] bool knows(std::string_view instance) const {
    const json* map = rules_.at("instance_map");
    if (map == nullptr || !map->is_object()) {
      return true;
    }
    return std::ranges::any_of(map->items(), [&](const auto& entry) {
      return canonical_instance(entry.key()) == canonical_instance(instance);
    });
  }

  void check_known(const std::string& path, const std::string& instance) {
    if (canonical_instance(instance) != kMain && !knows(instance)) {
      rules_.error(path,
                   fmt::format("\"{}\" is not in instance_map, so no process could reach it", instance));
    }
  }

  void check_writers() {
    const json* writers = rules_.at("stream_writers");
    if (writers == nullptr || !writers->is_object()) {
      return;
    }
    for (const auto& [stream, unused] : writers->items()) {
      const std::string path = join_path("stream_writers", stream);
      auto instances = rules_.texts(path);
      for (auto& instance : instances) {
        check_known(path, instance);
        instance = canonical_instance(instance);
      }
      check_can_be_asked(path, instances);
      std::ranges::sort(instances);
      if (const auto twice = std::ranges::adjacent_find(instances); twice != instances.end()) {
        rules_.error(path, fmt::format("\"{}\" stands there twice", *twice));
      }
    }
  }

  /// Other processes send a writer what it is to write, with the secret, to its listener.
  void check_can_be_asked(const std::string& path, const std::vector<std::string>& instances) {
    const bool elsewhere =
        std::ranges::any_of(instances, [](const std::string& instance) { return instance != kMain; });
    if (elsewhere && lacks_secret()) {
      rules_.error(path, "needs worker_replication_secret, by which the other processes ask the writer");
    }
    const bool own = worker_ && std::ranges::find(instances, name_) != instances.end();
    if (own && rules_.at("worker_listeners") != nullptr && !offers_replication()) {
      rules_.error(path,
                   fmt::format("names this worker, {}, which has no listener for the others: add one with "
                               "`resources: [{{names: [replication]}}]` to worker_listeners",
                               name_));
    }
  }

  [[nodiscard]] bool lacks_secret() const {
    const json* secret = rules_.at("worker_replication_secret");
    if (secret == nullptr || !secret->is_null()) {
      return secret != nullptr && *secret == "";
    }
    // One that could not be read has an error of its own.
    return !rules_.given("worker_replication_secret") && !rules_.given("worker_replication_secret_path");
  }

  [[nodiscard]] bool offers_replication() const {
    const json& listeners = *rules_.at("worker_listeners");
    return std::ranges::any_of(listeners, [](const json& listener) {
      const auto resources = listener.value("resources", json::array());
      return std::ranges::any_of(resources, [](const json& resource) {
        const auto names = resource.value("names", json::array());
        return std::ranges::find(names, json("replication")) != names.end();
      });
    });
  }

  /// Whoever does a duty is asked by nobody, so it may be missing from instance_map; a misspelt one is
  /// nobody.
  void check_duties() {
    for (const auto key : kInstances) {
      check_duty(key, rules_.text(key));
    }
    for (const auto key : {"pusher_instances", "federation_sender_instances"}) {
      for (const auto& instance : rules_.texts(key)) {
        check_duty(key, instance);
      }
    }
  }

  void check_duty(std::string_view key, const std::string& instance) {
    if (instance.empty() || canonical_instance(instance) == kMain || instance == name_ || knows(instance)) {
      return;
    }
    std::vector<std::string_view> names{"main"};
    for (const auto& [name, place] : rules_.at("instance_map")->items()) {
      names.push_back(name);
    }
    const std::string meant = nearest(instance, names);
    rules_.warning(key,
                   fmt::format("\"{}\" is not in instance_map{}; nobody does this unless a worker of that "
                               "name runs",
                               instance, meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
  }

  /// Switches from before the duties of the main process could be given to a named worker.
  void check_legacy_switches() {
    check_legacy_switch("notify_appservices", "notify_appservices_from_worker");
    check_legacy_switch("update_user_directory", "update_user_directory_from_worker");
    check_singleton_app("pusher", "pusher_instances", "start_pushers");
    check_singleton_app("federation_sender", "federation_sender_instances", "send_federation");
  }

  void check_legacy_switch(const std::string& former, const std::string& now) {
    if (rules_.at(now) != nullptr && rules_.given(former) && rules_.given(now)) {
      rules_.error(former, fmt::format("{} is given too and has taken its place; remove this key", now));
    }
  }

  void check_singleton_app(std::string_view app, const std::string& instances,
                           const std::string& main_switch) {
    if (app_ == app && rules_.at(instances) != nullptr && rules_.texts(instances).empty() &&
        rules_.flag(main_switch)) {
      rules_.error("worker_app",
                   fmt::format("the main process does the work of a {} as long as {} is empty; name this "
                               "worker there, in the file that all processes read",
                               app, instances));
    }
  }

  void check_restricted_federation() {
    const auto instances = rules_.texts("outbound_federation_restricted_to");
    for (const auto& instance : instances) {
      check_known("outbound_federation_restricted_to", instance);
    }
    if (!instances.empty() && lacks_secret()) {
      rules_.error("outbound_federation_restricted_to",
                   "needs worker_replication_secret, by which the other processes ask them");
    }
  }

  void check_shared_keys() {
    for (const auto& replaced : rules_.sources().replaced) {
      if (!replaced.equal && std::ranges::find(kShared, replaced.key) != kShared.end()) {
        rules_.error(replaced.key,
                     fmt::format("differs from {}: every process of a server has to say the same; write it "
                                 "only in the file that all of them read",
                                 rules_.place(replaced.before)));
      }
    }
  }

  void check_database() {
    if (rules_.text("database.name") == "sqlite3") {
      rules_.error("database.name", "workers need PostgreSQL (psycopg2); SQLite is for one process");
    }
  }

  RuleContext& rules_;
  const std::string app_;
  const bool worker_;
  const std::string name_;
};

}  // namespace

std::string canonical_app(std::string_view worker_app) {
  constexpr std::string_view kPrefix = "synapse.app.";
  if (worker_app.starts_with(kPrefix)) {
    worker_app.remove_prefix(kPrefix.size());
  }
  if (worker_app.empty()) {
    return "homeserver";
  }
  const bool historical = std::ranges::find(kHistoricalApps, worker_app) != kHistoricalApps.end();
  return historical ? "generic_worker" : std::string(worker_app);
}

std::string canonical_instance(std::string_view name) {
  return std::string(name == "main" ? kMain : name);
}

void check_worker_rules(RuleContext& rules) {
  WorkerRules(rules).check();
}

void complete_worker_values(nlohmann::json& root) {
  const auto rename = [](json& value) {
    if (value.is_string()) {
      value = canonical_instance(value.get<std::string>());
    }
  };
  if (const auto app = root.find("worker_app"); app != root.end()) {
    const std::string written = app->is_string() ? app->get<std::string>() : "";
    *app = canonical_app(written);
    if (*app == "homeserver") {
      root["worker_name"] = kMain;
    } else {
      if (root["worker_name"].is_null()) {
        root["worker_name"] = written;
      }
      // `pid_file` stands in a file that all processes read, and is the main process's.
      if (root.contains("pid_file")) {
        root["pid_file"] = root["worker_pid_file"];
      }
    }
  }
  if (const auto writers = root.find("stream_writers"); writers != root.end()) {
    for (auto& instances : *writers) {
      std::ranges::for_each(instances, rename);
    }
  }
  for (const auto key : kInstanceLists) {
    if (const auto instances = root.find(key); instances != root.end()) {
      std::ranges::for_each(*instances, rename);
    }
  }
  for (const auto key : kInstances) {
    if (const auto instance = root.find(key); instance != root.end()) {
      *instance = instance->is_null() ? std::string(kMain) : canonical_instance(instance->get<std::string>());
    }
  }
  if (const auto map = root.find("instance_map"); map != root.end() && map->contains("main")) {
    json place = std::move((*map)["main"]);
    map->erase("main");
    (*map)[kMain] = std::move(place);
  }
}

}  // namespace lares::config
