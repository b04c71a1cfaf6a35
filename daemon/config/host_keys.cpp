// SPDX-License-Identifier: Apache-2.0
#include <config/host_keys.hpp>

#include <config/host_key_groups.hpp>

namespace lares::config {

namespace {

void declare_identity_keys(KeySet& keys) {
  keys.add(
      "host",
      {.path = "server_name",
       .type = ConfigType::String,
       .default_value = "",
       .meaning = "The name behind the colon of every user and room alias of this server; it can never be "
                  "changed once users exist."});
  keys.add(
      "host",
      {.path = "public_baseurl",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "The address at which clients reach this server, as an https URL; by default https:// and "
                  "the server's name."});
  keys.add(
      "host",
      {.path = "data_dir",
       .type = ConfigType::String,
       .default_value = ".",
       .meaning = "Folder for what the server keeps beside its database; the default is the folder in which "
                  "it was started."});
  keys.add(
      "host",
      {.path = "signing_key_path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "File with the key that signs this server's events and requests, made at the first start; "
                  "by default SERVER_NAME.signing.key in data_dir."});
  keys.add(
      "host",
      {.path = "threads",
       .type = ConfigType::Integer,
       .default_value = "0",
       .meaning = "Loops on which the process serves requests, one thread each; 0 for one per processor.",
       .minimum = 0,
       .maximum = 256});
}

void declare_log_keys(KeySet& keys) {
  const std::vector<std::string> levels = {"debug", "info", "warning", "error", "critical", "off",
                                           "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"};
  keys.add("host", {.path = "log",
                    .type = ConfigType::Object,
                    .default_value = "{}",
                    .meaning = "What is logged, how and where."});
  keys.add("host", {.path = "log.level",
                    .type = ConfigType::String,
                    .default_value = "info",
                    .meaning = "The least important records that are written.",
                    .reload = Reload::Live,
                    .allowed = levels});
  keys.add("host", {.path = "log.levels",
                    .type = ConfigType::Map,
                    .default_value = "{}",
                    .meaning = "Levels of single loggers and everything below them, by name.",
                    .reload = Reload::Live});
  keys.add("host", {.path = "log.levels.*",
                    .type = ConfigType::String,
                    .default_value = "",
                    .meaning = "The level of this logger.",
                    .reload = Reload::Live,
                    .allowed = levels});
  keys.add("host",
           {.path = "log.format",
            .type = ConfigType::String,
            .default_value = "human",
            .meaning = "Lines for people, or JSON objects with all fields or with the essential ones.",
            .reload = Reload::Restart,
            .allowed = {"human", "json", "terse_json"}});
  keys.add("host", {.path = "log.file",
                    .type = ConfigType::String,
                    .default_value = "null",
                    .meaning = "File to append to, opened anew on SIGHUP; standard error if not set.",
                    .reload = Reload::Restart});
}

}  // namespace

void declare_host_keys(KeySet& keys) {
  declare_identity_keys(keys);
  declare_log_keys(keys);
  declare_listener_keys(keys);
  declare_worker_keys(keys);
}

}  // namespace lares::config
