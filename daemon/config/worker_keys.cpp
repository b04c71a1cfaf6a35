// SPDX-License-Identifier: Apache-2.0
#include <config/host_key_groups.hpp>

#include <string>

namespace lares::config {

namespace {

void declare_own_role(KeySet& keys) {
  keys.add(
      "host",
      {.path = "worker_app",
       .type = ConfigType::String,
       .default_value = "homeserver",
       .meaning = "What this process is: homeserver (the main process), generic_worker, pusher, appservice, "
                  "federation_sender, media_repository, user_dir or frontend_proxy, with or without "
                  "\"synapse.app.\" in front."});
  keys.add(
      "host",
      {.path = "worker_name",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Name of this worker, by which instance_map and stream_writers call it; by default its "
                  "worker_app."});
  keys.add("host",
           {.path = "worker_pid_file",
            .type = ConfigType::String,
            .default_value = "null",
            .meaning = "File that holds the worker's process number while it runs; none if not set."});
}

void declare_instances(KeySet& keys) {
  keys.add(
      "host",
      {.path = "instance_map",
       .type = ConfigType::Map,
       .default_value = "{}",
       .meaning = "Where each process listens for the others, by its name; the main process is \"main\"."});
  const auto add = [&](ConfigKey key) {
    key.path = "instance_map.*." + key.path;
    keys.add("host", std::move(key));
  };
  add({.path = "host",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Host name or address."});
  add({.path = "port",
       .type = ConfigType::Integer,
       .default_value = "null",
       .meaning = "Port of its listener with the resource replication.",
       .minimum = 1,
       .maximum = 65535});
  add({.path = "tls",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether TLS is spoken there."});
  add({.path = "path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Unix socket instead of host and port."});
}

void declare_stream_writers(KeySet& keys) {
  struct Stream {
    std::string name;
    std::string what;
    bool many;
    std::vector<std::string> aliases;
  };
  const Stream streams[] = {
      {"events", "events; each room belongs to one of them", true, {}},
      {"typing", "typing notifications", false, {}},
      {"to_device", "messages to devices", false, {}},
      {"account_data", "account data and tags", false, {}},
      {"receipts", "read receipts", true, {}},
      {"presence", "presence", false, {}},
      {"push_rules", "push rules", false, {}},
      {"device_lists", "devices and their keys", true, {}},
      {"thread_subscriptions", "subscriptions to threads", true, {}},
      {"quarantined_media_changes", "quarantined media", true, {"stream_writers.quarantined_media"}},
  };
  keys.add(
      "host",
      {.path = "stream_writers",
       .type = ConfigType::Object,
       .default_value = "{}",
       .meaning = "Which process writes which stream; the main process (\"main\") where nothing is said."});
  for (const Stream& stream : streams) {
    keys.add("host", {.path = "stream_writers." + stream.name,
                      .type = ConfigType::Strings,
                      .default_value = "[main]",
                      .meaning = (stream.many ? "The processes that write " : "The process that writes ") +
                                 stream.what + ".",
                      .minimum = 1,
                      .maximum = stream.many ? 256 : 1,
                      .aliases = stream.aliases});
  }
}

void declare_duties(KeySet& keys) {
  const auto add = [&](std::string path, ConfigType type, std::string value, std::string meaning) {
    keys.add("host", {.path = std::move(path),
                      .type = type,
                      .default_value = std::move(value),
                      .meaning = std::move(meaning)});
  };
  add("run_background_tasks_on", ConfigType::String, "null",
      "The process that does the periodic work; the main process if not set.");
  add("pusher_instances", ConfigType::Strings, "[]",
      "The processes that send push notifications, each for its share of users; the main process if empty.");
  add("start_pushers", ConfigType::Bool, "true",
      "Whether the main process sends push notifications where "
      "pusher_instances is empty.");
  add("federation_sender_instances", ConfigType::Strings, "[]",
      "The processes that send to other servers, each for its share of them; the main process if empty.");
  add("send_federation", ConfigType::Bool, "true",
      "Whether the main process sends to other servers where "
      "federation_sender_instances is empty.");
  add("outbound_federation_restricted_to", ConfigType::Strings, "[]",
      "The only processes that may talk to other servers; the others ask them to. Empty for every process.");
  add("update_user_directory_from_worker", ConfigType::String, "null",
      "The process that keeps the user directory up to date; the main process if not set.");
  add("notify_appservices_from_worker", ConfigType::String, "null",
      "The process that sends to application services; the main process if not set.");
  add("media_instance_running_background_jobs", ConfigType::String, "null",
      "The process that clears up media; the main process if not set.");
}

void declare_redis(KeySet& keys) {
  const auto add = [&](ConfigKey key) {
    key.path = "redis." + key.path;
    keys.add("host", std::move(key));
  };
  keys.add("host",
           {.path = "redis",
            .type = ConfigType::Object,
            .default_value = "{}",
            .meaning = "The Redis through which the processes of this server tell each other what changed."});
  add({.path = "enabled",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether Redis is used."});
  add({.path = "host",
       .type = ConfigType::String,
       .default_value = "localhost",
       .meaning = "Host name or address."});
  add({.path = "port",
       .type = ConfigType::Integer,
       .default_value = "6379",
       .meaning = "TCP port.",
       .minimum = 1,
       .maximum = 65535});
  add({.path = "path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Unix socket instead of host and port."});
  add({.path = "username",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "User name, where there is one."});
  add({.path = "password",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Password, where there is one.",
       .secret = true});
  add({.path = "dbid",
       .type = ConfigType::String,
       .default_value = "0",
       .meaning = "Number of the database, with quotation marks or without."});
  add({.path = "use_tls",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether TLS is spoken."});
  add({.path = "certificate_file",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Certificate that this process shows to Redis, in PEM."});
  add({.path = "private_key_file",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Private key that belongs to it, in PEM."});
  add({.path = "ca_file",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning =
           "Certificates of the authorities that may vouch for Redis; those of the system if not set."});
  add({.path = "ca_path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Folder of such certificates."});
}

void declare_replication_over_tcp(KeySet& keys) {
  keys.add("host",
           {.path = "worker_replication_host",
            .type = ConfigType::String,
            .default_value = "127.0.0.1",
            .meaning = "Where the main process has its listener of the type replication: host name, address, "
                       "or the path of a unix socket."});
  keys.add("host", {.path = "worker_replication_port",
                    .type = ConfigType::Integer,
                    .default_value = "null",
                    .meaning = "Port of that listener. If set, this worker hears of the other processes "
                               "there, and Redis is not needed.",
                    .minimum = 1,
                    .maximum = 65535});
}

}  // namespace

void declare_worker_keys(KeySet& keys) {
  declare_own_role(keys);
  declare_instances(keys);
  declare_stream_writers(keys);
  declare_duties(keys);
  keys.add("host", {.path = "worker_replication_secret",
                    .type = ConfigType::String,
                    .default_value = "null",
                    .meaning = "Secret by which the processes of this server know each other.",
                    .secret = true});
  declare_redis(keys);
  declare_replication_over_tcp(keys);
}

}  // namespace lares::config
