// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <config/host_keys.hpp>
#include <config/worker_rules.hpp>

#include <nlohmann/json.hpp>

namespace lares::config {
namespace {

class ProcessRules : public ConfigTest {
 protected:
  ProcessRules() { declare_host_keys(keys_); }

  /// What is said about a file that also has a server name.
  std::string about(std::string_view text) {
    return said(load_text("server_name: example.org\n" + std::string(text)));
  }

  static constexpr std::string_view kWorker =
      "worker_app: generic_worker\nworker_name: w1\ninstance_map: {main: {host: h, port: 1}, w1: {path: "
      "/run/w1}}\n";
  /// What a writer needs so that the others can ask it.
  static constexpr std::string_view kReachable =
      "worker_replication_secret: s\nworker_listeners: [{port: 9094, resources: [{names: [replication]}]}]\n";
  std::string about_worker(std::string_view text) { return about(std::string(kWorker) + std::string(text)); }
};

TEST_F(ProcessRules, NeedAServerName) {
  EXPECT_TRUE(said(load_text("")).starts_with("error: server_name: is required and missing"));
  for (const auto* name : {"example.org", "hs1", "localhost:8801", "1.2.3.4:80", "'[::1]'", "'[::1]:8448'"}) {
    EXPECT_TRUE(load_text("server_name: " + std::string(name)).config) << name;
  }
  for (const auto* name : {"exam ple.org", "'@a:b'", "a_b", "'a:'", "a:123456", "'[::1]:80000'", "a:65536",
                           "'[::1'", "https://a", "'[g]'"}) {
    EXPECT_FALSE(load_text("server_name: " + std::string(name)).config) << name;
  }
}

TEST_F(ProcessRules, DeriveThePublicAddressFromTheServerName) {
  EXPECT_EQ(load_text("server_name: a.org").config->string("public_baseurl"), "https://a.org/");
  EXPECT_EQ(load_text("server_name: a.org\npublic_baseurl: http://b:8008").config->string("public_baseurl"),
            "http://b:8008/");
  EXPECT_FALSE(load_text("server_name: a.org\npublic_baseurl: b.org").config);
}

TEST_F(ProcessRules, RefuseRegistrationThatIsOpenByMistake) {
  for (const char* flag : {"enable_registration", "registration_requires_token",
                           "enable_registration_without_verification", "enable_registration_captcha"}) {
    declare({.path = flag, .type = ConfigType::Bool, .default_value = "false"});
  }
  declare({.path = "registrations_require_3pid", .type = ConfigType::Strings, .default_value = "[]"});
  EXPECT_EQ(about("enable_registration: true\n"),
            "homeserver.yaml:2: error: enable_registration: anyone could register accounts without showing "
            "anything; set `registration_requires_token: true`, or confirm that this is meant by "
            "`enable_registration_without_verification: true`\n");
  EXPECT_EQ(about("enable_registration: true\nenable_registration_without_verification: true\n"), "");
  EXPECT_EQ(about("enable_registration: true\nregistration_requires_token: true\n"), "");
  EXPECT_EQ(
      about("enable_registration: true\nregistration_requires_token: true\n"
            "registrations_require_3pid: [email]\nenable_registration_captcha: true\n"),
      "homeserver.yaml:4: error: registrations_require_3pid: registration cannot ask for email addresses "
      "or telephone numbers in this version; remove this key and set `registration_requires_token: "
      "true`, or set `enable_registration: false`\n"
      "homeserver.yaml:5: error: enable_registration_captcha: registration cannot ask for a captcha in "
      "this version; remove this key and set `registration_requires_token: true`, or set "
      "`enable_registration: false`\n");
  EXPECT_EQ(about("registrations_require_3pid: [email]\nenable_registration_captcha: true\n"), "");
  declare({.path = "disable_registration", .type = ConfigType::Bool, .default_value = "null"});
  EXPECT_TRUE(about("disable_registration: false\n")
                  .starts_with("homeserver.yaml:2: error: disable_registration: anyone could register"));
  EXPECT_EQ(about("disable_registration: true\nenable_registration: true\n"), "");
  const std::string older =
      "server_name: a\nenable_registration_without_verification: true\ndisable_registration: ";
  EXPECT_TRUE(load_text(older + "false\n").config->boolean("enable_registration"));
  EXPECT_FALSE(load_text(older + "true\nenable_registration: true\n").config->boolean("enable_registration"));
}

TEST_F(ProcessRules, FillInWhatAListenerLeavesOut) {
  const auto result = load_text(
      "server_name: a\nlisteners:\n- {port: 8008, resources: [{names: [client]}]}\n"
      "- {path: /run/x, mode: 0660, resources: [{names: [client]}]}\n- {port: 9093, type: replication}\n");
  ASSERT_TRUE(result.config) << said(result);
  const auto& listeners = result.config->get("listeners");
  EXPECT_EQ(listeners[0]["bind_addresses"].dump(), R"(["::","0.0.0.0"])");
  EXPECT_EQ(listeners[0]["x_forwarded"], false);
  EXPECT_EQ(listeners[1]["x_forwarded"], true);
  EXPECT_EQ(listeners[1]["mode"], 0660);
  EXPECT_EQ(listeners[2]["bind_addresses"].dump(), R"(["127.0.0.1"])");
}

TEST_F(ProcessRules, RefuseListenersThatCannotWork) {
  const std::string resources = ", resources: [{names: [client]}]}\n";
  EXPECT_EQ(
      about("listeners:\n- {type: http" + resources),
      "homeserver.yaml:3: error: listeners[0]: has neither port nor path; a listener needs one of them\n");
  EXPECT_EQ(about("listeners:\n- {port: 1, path: /x" + resources),
            "homeserver.yaml:3: error: listeners[0]: has both port and path; a listener is on one of them\n");
  EXPECT_EQ(
      about("listeners:\n- {port: 1, type: manhole}\n"),
      "homeserver.yaml:3: error: listeners[0].type: there is no debugging shell; remove this listener\n");
  EXPECT_EQ(about("listeners:\n- {port: 1, tls: true" + resources),
            "homeserver.yaml:3: error: listeners[0].tls: TLS needs tls_certificate_path and "
            "tls_private_key_path\n");
  EXPECT_EQ(about("listeners:\n- {port: 1, tls_certificate_path: /x, tls: true" + resources),
            "homeserver.yaml:3: error: listeners[0]: tls_certificate_path and tls_private_key_path belong "
            "together; give "
            "both or neither\n");
  EXPECT_EQ(about("listeners:\n- {port: 8008" + resources + "- {port: 8008" + resources),
            "homeserver.yaml:4: error: listeners[1]: port 8008 is taken by listeners[0] already\n");
  EXPECT_EQ(
      about("listeners:\n- {port: 70000" + resources),
      "homeserver.yaml:3: error: listeners[0].port: expected an integer from 0 to 65535, found \"70000\"\n");
}

TEST_F(ProcessRules, LetSeveralListenersHaveAPortThatTheSystemChooses) {
  EXPECT_EQ(about("listeners:\n- {port: 0, resources: [{names: [client]}]}\n- {port: 0, resources: [{names: "
                  "[media]}]}\n"),
            "");
}

TEST_F(ProcessRules, KnowTheAppsByTheirOldAndNewNames) {
  EXPECT_EQ(canonical_app("synapse.app.homeserver"), "homeserver");
  EXPECT_EQ(canonical_app(""), "homeserver");
  EXPECT_EQ(canonical_app("synapse.app.synchrotron"), "generic_worker");
  EXPECT_EQ(canonical_app("event_creator"), "generic_worker");
  EXPECT_EQ(canonical_app("synapse.app.media_repository"), "media_repository");
  EXPECT_NE(about("worker_app: generic_wroker\nworker_name: w\ninstance_map: {main: {host: h, port: 1}}\n")
                .find("there is no app \"generic_wroker\"; did you mean generic_worker?"),
            std::string::npos);
}

TEST_F(ProcessRules, NameEveryProcessAsTheOthersDo) {
  const auto main = load_text("server_name: a").config;
  EXPECT_EQ(main->string("worker_app"), "homeserver");
  EXPECT_EQ(main->string("worker_name"), "master");
  EXPECT_EQ(main->strings("stream_writers.events"), std::vector<std::string>{"master"});
  EXPECT_EQ(main->string("run_background_tasks_on"), "master");
  const auto worker = load_text(
      "server_name: a\nworker_app: synapse.app.generic_worker\ninstance_map: {main: {host: h, port: 1}}\n"
      "stream_writers: {quarantined_media_changes: [main]}\n");
  ASSERT_TRUE(worker.config) << said(worker);
  EXPECT_EQ(worker.config->string("worker_app"), "generic_worker");
  EXPECT_EQ(worker.config->string("worker_name"), "synapse.app.generic_worker");
  EXPECT_TRUE(worker.config->get("instance_map").contains("master"));
  EXPECT_EQ(worker.config->strings("stream_writers.quarantined_media_changes"),
            std::vector<std::string>{"master"});
}

TEST_F(ProcessRules, GiveAWorkerAPidFileOfItsOwn) {
  declare({.path = "pid_file", .default_value = "null"});
  const std::string shared = "server_name: a\npid_file: /run/main.pid\n";
  EXPECT_EQ(load_text(shared).config->string("pid_file"), "/run/main.pid");
  EXPECT_EQ(load_text(shared + std::string(kWorker)).config->string("pid_file"), "");
  EXPECT_EQ(
      load_text(shared + std::string(kWorker) + "worker_pid_file: /run/w1.pid\n").config->string("pid_file"),
      "/run/w1.pid");
}

TEST_F(ProcessRules, KeepTheNamesOfMainProcessAndWorkersApart) {
  EXPECT_NE(about("worker_name: w1\n").find("only a worker has a name"), std::string::npos);
  EXPECT_NE(about("worker_app: pusher\nstart_pushers: false\nworker_name: main\ninstance_map: {main: {host: "
                  "h, port: 1}}\n")
                .find("is the main process's name"),
            std::string::npos);
  EXPECT_NE(about("worker_listeners: [{port: 1, type: metrics}]\n").find("only a worker reads this"),
            std::string::npos);
}

TEST_F(ProcessRules, WantWritersThatCanBeReached) {
  EXPECT_EQ(about_worker("stream_writers: {events: [w1, main], receipts: w1}\n" + std::string(kReachable)),
            "");
  EXPECT_NE(about_worker("stream_writers: {events: [w1, w2]}\n")
                .find("stream_writers.events: \"w2\" is not in instance_map, so no process could reach it"),
            std::string::npos);
  EXPECT_NE(about_worker("stream_writers: {events: [w1, w1]}\n").find("\"w1\" stands there twice"),
            std::string::npos);
  EXPECT_NE(about_worker("stream_writers: {typing: [w1, main]}\n")
                .find("stream_writers.typing: expected a list of texts, "
                      "with a number of entries from 1 to 1"),
            std::string::npos);
  EXPECT_NE(about_worker("stream_writers: {event: w1}\n").find("unknown key; did you mean events?"),
            std::string::npos);
}

TEST_F(ProcessRules, WantAPlaceForEachInstance) {
  EXPECT_NE(about("instance_map: {w1: {host: h}}\n")
                .find("instance_map.w1: expected either host and port, or path"),
            std::string::npos);
  EXPECT_NE(about("instance_map: {w1: {host: h, port: 1, path: /x}}\n").find("either host and port, or path"),
            std::string::npos);
  EXPECT_NE(about("worker_app: generic_worker\nworker_name: w1\n")
                .find("instance_map: a worker has to know where the main process is"),
            std::string::npos);
}

TEST_F(ProcessRules, WantEveryProcessToSayTheSameOfWhatConcernsAll) {
  const auto shared =
      write("homeserver.yaml",
            "server_name: a\ninstance_map: {main: {host: h, port: 1}}\nstream_writers: {typing: main}\n");
  const auto same =
      write("same.yaml", "worker_app: generic_worker\nworker_name: w\nstream_writers: {typing: main}\n");
  const auto other = write("other.yaml", "worker_app: generic_worker\nworker_name: w\nstream_writers: {}\n");
  EXPECT_TRUE(load({.paths = {shared, same}, .environment = {}}, keys_).config);
  const auto result = load({.paths = {shared, other}, .environment = {}}, keys_);
  EXPECT_EQ(said(result),
            "other.yaml:3: error: stream_writers: differs from homeserver.yaml:3: every process of a server "
            "has to say the same; write it only in the file that all of them read\n");
}

TEST_F(ProcessRules, RefuseWorkersOnSqlite) {
  declare({.path = "database.name", .default_value = "sqlite3", .allowed = {"sqlite3", "psycopg2"}});
  EXPECT_NE(about_worker("").find("database.name: workers need PostgreSQL"), std::string::npos);
  EXPECT_EQ(about_worker("database: {name: psycopg2}\n"), "");
}

TEST_F(ProcessRules, AskForTheNewKeyWhereAnOldSwitchContradictsIt) {
  EXPECT_NE(about("notify_appservices: false\nnotify_appservices_from_worker: main\n")
                .find("notify_appservices_from_worker is given too and has taken its place"),
            std::string::npos);
  EXPECT_NE(about("worker_app: pusher\nworker_name: p\ninstance_map: {main: {host: h, port: 1}}\n")
                .find("does the work of a pusher as long as pusher_instances is empty"),
            std::string::npos);
  EXPECT_EQ(about("worker_app: pusher\nworker_name: p\npusher_instances: p\ninstance_map: {main: {host: h, "
                  "port: 1}}\n"),
            "");
}

TEST_F(ProcessRules, WantASecretWhereOthersAskForFederation) {
  EXPECT_NE(about_worker("outbound_federation_restricted_to: [w1]\n").find("needs worker_replication_secret"),
            std::string::npos);
  EXPECT_EQ(about_worker("outbound_federation_restricted_to: [w1]\nworker_replication_secret: s\n"), "");
}

TEST_F(ProcessRules, WantASecretWhereAWorkerWrites) {
  const std::string map = "instance_map: {main: {host: h, port: 1}, p: {host: h, port: 2}}\n";
  EXPECT_EQ(
      about(map + "stream_writers: {events: p}\n"),
      "homeserver.yaml:3: error: stream_writers.events: needs worker_replication_secret, by which the other "
      "processes ask the writer\n");
  EXPECT_EQ(about(map + "stream_writers: {events: p}\nworker_replication_secret: s\n"), "");
  EXPECT_EQ(about(map + "stream_writers: {events: main}\n"), "");
  // A secret that cannot be read is one error, not two.
  EXPECT_EQ(
      about(map + "stream_writers: {events: p}\nworker_replication_secret_path: /nowhere/s\n"),
      "homeserver.yaml:4: error: worker_replication_secret_path: cannot read /nowhere/s: No such file or "
      "directory\n");
}

TEST_F(ProcessRules, WantAListenerWhereThisWorkerWrites) {
  EXPECT_NE(
      about_worker("stream_writers: {events: w1}\nworker_replication_secret: s\n"
                   "worker_listeners: [{port: 9094, resources: [{names: [client]}]}]\n")
          .find("error: stream_writers.events: names this worker, w1, which has no listener for the others"),
      std::string::npos);
  EXPECT_EQ(about_worker("stream_writers: {events: w1}\n" + std::string(kReachable)), "");
}

TEST_F(ProcessRules, WarnOfADutyThatIsNobodys) {
  const std::string map = "instance_map: {main: {host: h, port: 1}, background: {host: h, port: 2}}\n";
  EXPECT_EQ(
      about(map + "run_background_tasks_on: backgruond\n"),
      "homeserver.yaml:3: warning: run_background_tasks_on: \"backgruond\" is not in instance_map (did you "
      "mean background?); nobody does this unless a worker of that name runs\n");
  EXPECT_NE(about("pusher_instances: [nobody]\n").find("warning: pusher_instances: \"nobody\" is not in"),
            std::string::npos);
  EXPECT_EQ(about(map + "run_background_tasks_on: background\n"), "");
  EXPECT_EQ(about(map + "run_background_tasks_on: main\n"), "");
}

TEST_F(ProcessRules, WarnOfAListenerThatRedisTakesThePlaceOf) {
  EXPECT_EQ(about("listeners: [{port: 9093, type: replication}]\nredis: {enabled: true}\n"),
            "homeserver.yaml:2: warning: listeners[0]: is never opened as long as redis.enabled is true; "
            "remove this "
            "listener\n");
}

TEST_F(ProcessRules, TakeNumbersOfDriversWithQuotationMarks) {
  EXPECT_EQ(load_text("server_name: a\nredis: {dbid: \"1\"}\n").config->integer("redis.dbid"), 1);
  EXPECT_EQ(load_text("server_name: a\nredis: {dbid: 2}\n").config->integer("redis.dbid"), 2);
  EXPECT_EQ(load_text("server_name: a\n").config->integer("redis.dbid"), 0);
  EXPECT_EQ(load_text("server_name: a\nredis: {dbid: \"\"}\n").config->integer("redis.dbid"), 0);
  EXPECT_EQ(
      about("redis: {dbid: one}\n"),
      "homeserver.yaml:2: error: redis.dbid: expected an integer from 0 to 2147483647, found \"one\"\n");
}

TEST_F(ProcessRules, RefuseAnUrlInThePlaceOfANameAndShowNoneOfIt) {
  declare({.path = "database.name", .default_value = "sqlite3", .allowed = {"sqlite3", "psycopg2"}});
  for (const auto* name : {"host", "dbname", "database"}) {
    declare({.path = std::string("database.args.") + name, .default_value = "null"});
    const std::string args = std::string("args: {") + name + ": \"postgres://me:hush@db/x\"}}\n";
    EXPECT_EQ(
        about("database: {name: psycopg2, " + args),
        std::string("homeserver.yaml:2: error: database.args.") + name +
            ": expected a name, found an URL, which is not shown; its parts are keys of their own: host, "
            "port, user, password and dbname\n");
    EXPECT_EQ(about("database: {name: sqlite3, " + args), "");
  }
  EXPECT_EQ(
      about("redis: {host: \"redis://:hush@cache\"}\n"),
      "homeserver.yaml:2: error: redis.host: expected a name, found an URL, which is not shown; its parts "
      "are keys of their own: host, port, username, password and dbid\n");
  EXPECT_EQ(about("redis: {host: cache}\n"), "");
}

}  // namespace
}  // namespace lares::config
