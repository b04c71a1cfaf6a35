// SPDX-License-Identifier: Apache-2.0
#include <http/listener_config.hpp>

#include <lares/base/error.hpp>
#include <lares/plugin/declarations.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace lares::http {

namespace {

std::string text(const nlohmann::json& entry, const char* key) {
  const auto at = entry.find(key);
  return at != entry.end() && at->is_string() ? at->get<std::string>() : std::string();
}

bool flag(const nlohmann::json& entry, const char* key, bool fallback) {
  const auto at = entry.find(key);
  return at != entry.end() && at->is_boolean() ? at->get<bool>() : fallback;
}

std::vector<std::string> texts(const nlohmann::json& entry, const char* key) {
  std::vector<std::string> result;
  const auto at = entry.find(key);
  if (at == entry.end()) {
    return result;
  }
  if (at->is_string()) {
    result.push_back(at->get<std::string>());
  } else if (at->is_array()) {
    for (const auto& item : *at) {
      if (item.is_string()) {
        result.push_back(item.get<std::string>());
      }
    }
  }
  return result;
}

/// What administrators call one resource is several groups of routes.
std::vector<std::string> with_companions(const std::string& resource) {
  if (resource == "client") {
    return {"client", "media"};
  }
  if (resource == "federation") {
    return {"federation", "keys", "media"};
  }
  return {resource};
}

ListenerConfig read_listener(const Config& config, const nlohmann::json& entry, std::string name) {
  ListenerConfig listener;
  listener.name = std::move(name);
  if (!entry.is_object()) {
    throw StartError(fmt::format("{} must be a mapping with a port or a path.", listener.name));
  }
  if (const std::string type = text(entry, "type"); !type.empty()) {
    listener.type = type;
  }
  if (listener.type != "http" && listener.type != "metrics") {
    throw StartError(
        fmt::format("{}.type is '{}': expected 'http' or 'metrics'.", listener.name, listener.type));
  }
  listener.path = text(entry, "path");
  if (listener.path.empty()) {
    const auto port = entry.find("port");
    if (port == entry.end() || !port->is_number_integer() || port->get<std::int64_t>() < 0 ||
        port->get<std::int64_t>() > 65535) {
      throw StartError(
          fmt::format("{} needs a port (0 to 65535) or the path of a unix socket.", listener.name));
    }
    listener.port = port->get<std::uint16_t>();
    listener.bind_addresses = texts(entry, "bind_addresses");
    for (std::string& address : texts(entry, "bind_address")) {
      if (!address.empty()) {
        listener.bind_addresses.push_back(std::move(address));
      }
    }
    if (listener.bind_addresses.empty()) {
      listener.bind_addresses = listener.type == "metrics" ? std::vector<std::string>{"0.0.0.0"}
                                                           : std::vector<std::string>{"::", "0.0.0.0"};
    }
  }
  if (const auto mode = entry.find("mode"); mode != entry.end() && mode->is_number_integer()) {
    listener.mode = mode->get<unsigned>();
  }
  listener.tls = flag(entry, "tls", false);
  if (listener.tls) {
    if (!listener.path.empty()) {
      throw StartError(fmt::format("{}.tls cannot be used on a unix socket.", listener.name));
    }
    listener.certificate_path = text(entry, "tls_certificate_path");
    listener.key_path = text(entry, "tls_private_key_path");
    if (listener.certificate_path.empty()) {
      listener.certificate_path = config.string("tls_certificate_path");
    }
    if (listener.key_path.empty()) {
      listener.key_path = config.string("tls_private_key_path");
    }
    if (listener.certificate_path.empty() || listener.key_path.empty()) {
      throw StartError(fmt::format("{}.tls is on: tls_certificate_path and tls_private_key_path must be set.",
                                   listener.name));
    }
  }
  // Whoever reaches a unix socket is a proxy on this machine.
  listener.x_forwarded = flag(entry, "x_forwarded", !listener.path.empty());
  listener.request_id_header = text(entry, "request_id_header");
  listener.tag = text(entry, "tag");
  if (listener.tag.empty()) {
    listener.tag = listener.path.empty() ? std::to_string(listener.port) : listener.path;
  }
  if (listener.type == "metrics") {
    listener.resources = {"metrics"};
  }
  if (const auto resources = entry.find("resources"); resources != entry.end() && resources->is_array()) {
    for (const auto& resource : *resources) {
      for (const std::string& declared : texts(resource, "names")) {
        for (std::string& one : with_companions(declared)) {
          if (flag(resource, "compress", false)) {
            listener.compressed.push_back(one);
          }
          listener.resources.push_back(std::move(one));
        }
      }
    }
  }
  listener.resources.emplace_back("health");
  return listener;
}

}  // namespace

std::vector<ListenerConfig> read_listeners(const Config& config, bool main) {
  const std::string key = main ? "listeners" : "worker_listeners";
  const nlohmann::json& entries = config.get(key);
  std::vector<ListenerConfig> result;
  if (entries.is_array()) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      // Lines of replication are no HTTP; the transport that speaks them listens for itself.
      if (text(entries[i], "type") != "replication") {
        result.push_back(read_listener(config, entries[i], fmt::format("{}[{}]", key, i)));
      }
    }
  }
  return result;
}

Limits read_limits(const Config& config) {
  Limits limits;
  limits.header_bytes = static_cast<std::size_t>(config.size("http.max_header_size"));
  limits.header_fields = static_cast<std::size_t>(config.integer("http.max_header_fields"));
  limits.body_bytes = config.size("http.max_body_size");
  limits.json_depth = static_cast<std::uint32_t>(config.integer("http.max_json_depth"));
  limits.connections = static_cast<std::size_t>(config.integer("http.max_connections"));
  limits.header_timeout = config.duration("http.header_timeout");
  limits.body_timeout = config.duration("http.body_timeout");
  limits.idle_timeout = config.duration("http.idle_timeout");
  limits.write_timeout = config.duration("http.write_timeout");
  limits.minimum_rate = config.size("http.minimum_rate");
  return limits;
}

std::vector<std::string> changed_limits(const Limits& before, const Limits& after) {
  std::vector<std::string> result;
  const auto compare = [&](const char* key, auto Limits::* member) {
    if (before.*member != after.*member) {
      result.emplace_back(key);
    }
  };
  compare("http.max_header_size", &Limits::header_bytes);
  compare("http.max_header_fields", &Limits::header_fields);
  compare("http.max_body_size", &Limits::body_bytes);
  compare("http.max_json_depth", &Limits::json_depth);
  compare("http.max_connections", &Limits::connections);
  compare("http.header_timeout", &Limits::header_timeout);
  compare("http.body_timeout", &Limits::body_timeout);
  compare("http.idle_timeout", &Limits::idle_timeout);
  compare("http.write_timeout", &Limits::write_timeout);
  compare("http.minimum_rate", &Limits::minimum_rate);
  return result;
}

void declare_limits(Declarations& declarations) {
  const auto declare = [&declarations](const char* path, ConfigType type, const char* default_value,
                                       const char* meaning, std::int64_t minimum, std::int64_t maximum) {
    declarations.config({.path = path,
                         .type = type,
                         .default_value = default_value,
                         .meaning = meaning,
                         .reload = Reload::Live,
                         .minimum = minimum,
                         .maximum = maximum});
  };
  constexpr std::int64_t kDay = 86'400'000;
  declare("http.max_header_size", ConfigType::Size, "32K",
          "Bytes of a request's header; beyond them it is refused.", 1024, 1024 * 1024);
  declare("http.max_header_fields", ConfigType::Integer, "100", "Fields of a request's header.", 10, 1000);
  declare("http.max_body_size", ConfigType::Size, "10M",
          "Bytes of a request's body, on endpoints that have no limit of their own.", 65536,
          std::int64_t{1024} * 1024 * 1024);
  declare("http.max_json_depth", ConfigType::Integer, "200",
          "Nesting of objects and lists in a request's body.", 20, 1000);
  declare("http.max_connections", ConfigType::Integer, "20000",
          "Client connections that are open at a time; further ones are closed at once.", 10, 10'000'000);
  declare("http.header_timeout", ConfigType::Duration, "20s",
          "How long a request's header may take from its first byte, and a new connection until it.", 1000,
          kDay);
  declare("http.body_timeout", ConfigType::Duration, "30s",
          "How long a request's body may take, besides what http.minimum_rate grants to a large one.", 1000,
          kDay);
  declare("http.idle_timeout", ConfigType::Duration, "75s",
          "How long a connection is kept open between two requests.", 1000, kDay);
  declare(
      "http.write_timeout", ConfigType::Duration, "30s",
      "How long a client may take to read a response, besides what http.minimum_rate grants to a large one.",
      1000, kDay);
  declare("http.minimum_rate", ConfigType::Size, "8K",
          "Bytes a second that a client must send or read at least.", 1, 1024 * 1024 * 1024);
}

}  // namespace lares::http
