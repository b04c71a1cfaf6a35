// SPDX-License-Identifier: Apache-2.0
#include <config/host_key_groups.hpp>

#include <string>

namespace lares::config {

namespace {

/// The keys of `listeners`, and of `worker_listeners`, which are alike.
void declare_listeners(KeySet& keys, const std::string& list, const std::string& meaning) {
  const auto add = [&](ConfigKey key) {
    key.path = list + "[]." + key.path;
    keys.add("host", std::move(key));
  };
  keys.add(
      "host",
      {.path = list, .type = ConfigType::List, .default_value = "[]", .meaning = meaning, .maximum = 100});
  add({.path = "port",
       .type = ConfigType::Integer,
       .default_value = "null",
       .meaning = "TCP port; 0 for one that the system chooses.",
       .minimum = 0,
       .maximum = 65535});
  add({.path = "path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Unix socket to listen on instead of a port."});
  add({.path = "mode",
       .type = ConfigType::Integer,
       .default_value = "0666",
       .meaning = "Access rights of the unix socket.",
       .minimum = 0,
       .maximum = 0777});
  add({.path = "bind_addresses",
       .type = ConfigType::Strings,
       .default_value = "null",
       .meaning = "Addresses or host names to listen on; by default all (a replication listener: 127.0.0.1).",
       .aliases = {list + "[].bind_address"}});
  add({.path = "type",
       .type = ConfigType::String,
       .default_value = "http",
       .meaning = "What is spoken: HTTP, metrics for Prometheus, or replication lines over TCP.",
       .allowed = {"http", "metrics", "replication", "manhole"}});
  add({.path = "tag",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Name of the listener in logs; its port or path if not set."});
  add({.path = "tls",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether TLS is spoken, with the listener's own certificate or else that of the process."});
  add({.path = "tls_certificate_path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning =
           "Certificate chain of this listener, in PEM; tls_certificate_path of the process if not set."});
  add({.path = "tls_private_key_path",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Private key that belongs to it, in PEM."});
  add({.path = "x_forwarded",
       .type = ConfigType::Bool,
       .default_value = "null",
       .meaning =
           "Whether a proxy in front is believed about the client's address and scheme; by default on unix "
           "sockets only."});
  add({.path = "request_id_header",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "Header of the proxy with an id for each request, which the log then shows."});
  add({.path = "resources",
       .type = ConfigType::List,
       .default_value = "[]",
       .meaning = "What an HTTP listener offers.",
       .maximum = 100});
  add({.path = "resources[].names",
       .type = ConfigType::Strings,
       .default_value = "",
       .meaning = "Groups of endpoints; /health is there on every HTTP listener.",
       .allowed = {"client", "consent", "federation", "health", "keys", "media", "metrics", "openid",
                   "replication", "static"}});
  add({.path = "resources[].compress",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether responses are compressed for clients that accept it."});
}

}  // namespace

void declare_listener_keys(KeySet& keys) {
  declare_listeners(keys, "listeners", "Where the main process listens.");
  declare_listeners(keys, "worker_listeners",
                    "Where this worker listens; a worker takes no notice of `listeners`.");
  keys.add("host", {.path = "tls_certificate_path",
                    .type = ConfigType::String,
                    .default_value = "null",
                    .meaning = "Certificate chain of the TLS listeners, in PEM; read anew on SIGHUP.",
                    .reload = Reload::Live});
  keys.add("host", {.path = "tls_private_key_path",
                    .type = ConfigType::String,
                    .default_value = "null",
                    .meaning = "Private key that belongs to it, in PEM, in a file that others cannot read.",
                    .reload = Reload::Live});
  keys.add("host", {.path = "enable_metrics",
                    .type = ConfigType::Bool,
                    .default_value = "true",
                    .meaning = "Whether metrics are offered on listeners that name them."});
}

}  // namespace lares::config
