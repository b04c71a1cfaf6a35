// SPDX-License-Identifier: Apache-2.0
#include <config/process_rules.hpp>

#include <config/file_rules.hpp>
#include <config/rule_context.hpp>
#include <config/worker_rules.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lares::config {

namespace {

using nlohmann::json;

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

constexpr std::int64_t kHighestPort = 65535;

bool is_number_between(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= low && value <= high;
}

/// spec: Appendices, "Server Name"
bool is_server_name(std::string_view name) {
  constexpr std::size_t kLongest = 230;
  if (name.empty() || name.size() > kLongest) {
    return false;
  }
  std::string_view host = name;
  std::string_view port;
  if (name.front() == '[') {
    const auto end = name.find(']');
    if (end == std::string_view::npos || end < 3) {
      return false;
    }
    host = name.substr(1, end - 1);
    port = name.substr(end + 1);
    if (!std::ranges::all_of(host, [](char c) { return c == ':' || (c != '-' && is_host_character(c)); })) {
      return false;
    }
  } else {
    const auto colon = name.find(':');
    host = name.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : name.substr(colon);
    if (host.empty() || !std::ranges::all_of(host, is_host_character)) {
      return false;
    }
  }
  if (port.empty()) {
    return true;
  }
  return port.front() == ':' && is_number_between(port.substr(1), 0, kHighestPort);
}

void check_identity(RuleContext& rules) {
  const std::string name = rules.text("server_name");
  if (!name.empty() && !is_server_name(name)) {
    rules.error("server_name",
                fmt::format("\"{}\" is no server name: expected a host name or address, with a port or "
                            "without (example.org, example.org:8448, [::1])",
                            name));
  }
  const std::string url = rules.text("public_baseurl");
  if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://")) {
    rules.error("public_baseurl",
                fmt::format("expected a URL that begins with https:// or http://, found \"{}\"", url));
  }
}

/// Numbers that administrators write with quotation marks and without, as their drivers take both.
void check_numbers(RuleContext& rules) {
  struct Number {
    std::string_view path;
    std::int64_t low;
    std::int64_t high;
  };
  constexpr std::int64_t kHighest = std::numeric_limits<std::int32_t>::max();
  constexpr Number kNumbers[] = {{"redis.dbid", 0, kHighest},
                                 {"database.args.connect_timeout", 0, kHighest},
                                 {"database.args.keepalives", 0, 1},
                                 {"database.args.keepalives_idle", 0, kHighest},
                                 {"database.args.keepalives_interval", 0, kHighest},
                                 {"database.args.keepalives_count", 0, kHighest},
                                 {"database.args.tcp_user_timeout", 0, kHighest},
                                 {"database.args.sslcompression", 0, 1}};
  for (const auto& number : kNumbers) {
    const std::string text = rules.text(number.path);
    if (!text.empty() && !is_number_between(text, number.low, number.high)) {
      rules.error(number.path, fmt::format("expected an integer from {} to {}, found \"{}\"", number.low,
                                           number.high, text));
    }
  }
  // One for each of several hosts; nothing between two commas is the default.
  const std::string ports = rules.text("database.args.port");
  for (const auto part : ports | std::views::split(',')) {
    const std::string_view port(part);
    if (!port.empty() && !is_number_between(port, 1, kHighestPort)) {
      rules.error("database.args.port",
                  fmt::format("expected an integer from 1 to {}, found \"{}\"", kHighestPort, port));
    }
  }
}

/// Nobody takes an URL apart that stands in the place of a name: it would be looked up whole, and be in the
/// log with the password that is in it.
void check_names(RuleContext& rules) {
  const bool postgres = rules.text("database.name") == "psycopg2";
  const auto refuse = [&rules](std::string_view path, std::string_view keys) {
    if (rules.text(path).contains("://")) {
      rules.error(path,
                  fmt::format("expected a name, found an URL, which is not shown; its parts are keys of "
                              "their own: {}",
                              keys));
    }
  };
  for (const std::string_view name : {"host", "dbname", "database"}) {
    if (postgres) {
      refuse(fmt::format("database.args.{}", name), "host, port, user, password and dbname");
    }
  }
  refuse("redis.host", "host, port, username, password and dbid");
}

void check_registration(RuleContext& rules) {
  const json* const disabled = rules.at("disable_registration");
  const bool older = disabled != nullptr && disabled->is_boolean();
  const char* const key = older ? "disable_registration" : "enable_registration";
  if (older ? disabled->get<bool>() : !rules.flag(key)) {
    return;
  }
  if (!rules.flag("registration_requires_token") && !rules.flag("enable_registration_without_verification")) {
    rules.error(key,
                "anyone could register accounts without showing anything; set `registration_requires_token: "
                "true`, or confirm that this is meant by `enable_registration_without_verification: true`");
  }
  // Registration would be open without what the administrator relies on.
  if (!rules.texts("registrations_require_3pid").empty()) {
    rules.error(
        "registrations_require_3pid",
        "registration cannot ask for email addresses or telephone numbers in this version; remove this "
        "key and set `registration_requires_token: true`, or set `enable_registration: false`");
  }
  if (rules.flag("enable_registration_captcha")) {
    rules.error("enable_registration_captcha",
                "registration cannot ask for a captcha in this version; remove this key and set "
                "`registration_requires_token: true`, or set `enable_registration: false`");
  }
}

class ListenerRules {
 public:
  ListenerRules(RuleContext& rules, std::string list) : rules_(rules), list_(std::move(list)) {}

  void check() {
    const json* listeners = rules_.at(list_);
    if (listeners == nullptr || !listeners->is_array()) {
      return;
    }
    for (std::size_t i = 0; i < listeners->size(); ++i) {
      const json& listener = (*listeners)[i];
      if (listener.is_object()) {
        path_ = fmt::format("{}[{}]", list_, i);
        check_place(listener);
        check_type(listener);
        check_tls(listener);
      }
    }
  }

 private:
  [[nodiscard]] std::string key(std::string_view name) const { return fmt::format("{}.{}", path_, name); }

  static bool given(const json& listener, std::string_view name) {
    const auto found = listener.find(name);
    return found != listener.end() && !found->is_null();
  }

  void check_place(const json& listener) {
    const bool port = given(listener, "port");
    const bool path = given(listener, "path");
    if (port == path) {
      // A port that was refused by its own declaration is null here and has been reported.
      if (port || !(rules_.given(key("port")) || rules_.given(key("path")))) {
        rules_.error(path_, port ? "has both port and path; a listener is on one of them"
                                 : "has neither port nor path; a listener needs one of them");
      }
      return;
    }
    if (path && rules_.given(key("tls")) && listener.value("tls", false)) {
      rules_.error(key("tls"), "TLS is not spoken on unix sockets");
    }
    if (path && rules_.given(key("bind_addresses"))) {
      rules_.error(key("bind_addresses"), "a listener with a path has no addresses");
    }
    if (port && rules_.given(key("mode"))) {
      rules_.error(key("mode"), "only a listener with a path has a mode");
    }
    check_taken(listener);
  }

  /// Two listeners of one process cannot share a port on one address.
  void check_taken(const json& listener) {
    std::vector<std::string> places;
    if (given(listener, "path")) {
      places.push_back(listener.at("path").get<std::string>());
    } else if (const auto port = listener.at("port").get<std::int64_t>(); port != 0) {
      if (given(listener, "bind_addresses")) {
        for (const auto& address : listener.at("bind_addresses")) {
          places.push_back(fmt::format("{} port {}", address.get<std::string>(), port));
        }
      } else {
        places.push_back(fmt::format("port {}", port));
      }
    }
    for (const auto& place : places) {
      const auto [taken, fresh] = places_.emplace(place, path_);
      if (!fresh) {
        rules_.error(path_, fmt::format("{} is taken by {} already", place, taken->second));
      }
    }
  }

  void check_type(const json& listener) {
    const std::string type =
        listener.value("type", json()).is_string() ? listener.at("type").get<std::string>() : "";
    if (type == "manhole") {
      rules_.error(key("type"), "there is no debugging shell; remove this listener");
    }
    if (type == "replication" && rules_.flag("redis.enabled")) {
      rules_.warning(path_, "is never opened as long as redis.enabled is true; remove this listener");
    }
    if (type == "metrics" && rules_.at("enable_metrics") != nullptr && !rules_.flag("enable_metrics")) {
      rules_.warning(key("type"), "answers without metrics as long as enable_metrics is not true");
    }
    const bool resources = given(listener, "resources") && !listener.at("resources").empty();
    if (type != "http" && !type.empty() && resources) {
      rules_.error(key("resources"), "only an http listener has resources");
    }
    if (type == "http" && !resources && !rules_.given(key("resources"))) {
      rules_.warning(
          path_,
          "offers nothing but /health; add resources, such as `resources: [{names: [client, federation]}]`");
    }
  }

  void check_tls(const json& listener) {
    if (!listener.value("tls", json(false)).is_boolean() || !listener.value("tls", false)) {
      return;
    }
    const bool certificate = given(listener, "tls_certificate_path");
    const bool own_key = given(listener, "tls_private_key_path");
    if (certificate != own_key) {
      rules_.error(path_,
                   "tls_certificate_path and tls_private_key_path belong together; give both or neither");
    } else if (!certificate &&
               (rules_.text("tls_certificate_path").empty() || rules_.text("tls_private_key_path").empty())) {
      rules_.error(key("tls"), "TLS needs tls_certificate_path and tls_private_key_path");
    }
  }

  RuleContext& rules_;
  std::string list_;
  std::string path_;
  std::map<std::string, std::string> places_;
};

json default_addresses(const std::string& type, bool unix_socket) {
  if (unix_socket) {
    return json::array();
  }
  if (type == "replication") {
    // The line protocol asks nobody who they are, so it is for this machine unless told otherwise.
    return json::array({"127.0.0.1"});
  }
  return type == "metrics" ? json::array({"0.0.0.0"}) : json::array({"::", "0.0.0.0"});
}

void complete_listeners(json& root, const std::string& list) {
  const auto found = root.find(list);
  if (found == root.end()) {
    return;
  }
  for (auto& listener : *found) {
    const bool unix_socket = listener.contains("path") && !listener["path"].is_null();
    if (listener.contains("x_forwarded") && listener["x_forwarded"].is_null()) {
      listener["x_forwarded"] = unix_socket;
    }
    if (listener.contains("bind_addresses") && listener["bind_addresses"].is_null()) {
      listener["bind_addresses"] = default_addresses(listener.value("type", "http"), unix_socket);
    }
  }
}

void complete_registration(json& root) {
  const auto disabled = root.find("disable_registration");
  if (disabled != root.end() && disabled->is_boolean() && root.contains("enable_registration")) {
    root["enable_registration"] = !disabled->get<bool>();
  }
}

void complete_public_baseurl(json& root) {
  const auto url = root.find("public_baseurl");
  if (url == root.end() || !root.contains("server_name")) {
    return;
  }
  if (url->is_null()) {
    *url = "https://" + root["server_name"].get<std::string>();
  }
  auto text = url->get<std::string>();
  if (!text.ends_with('/')) {
    text += '/';
  }
  *url = text;
}

void complete_redis(json& root) {
  const auto redis = root.find("redis");
  if (redis != root.end() && redis->contains("dbid") && (*redis)["dbid"].is_string()) {
    // Templates leave it empty.
    const auto number = (*redis)["dbid"].get<std::string>();
    (*redis)["dbid"] = number.empty() ? 0 : std::stoll(number);
  }
}

}  // namespace

void check_process_rules(Checked& checked, const Sources& sources) {
  RuleContext rules(checked, sources);
  check_identity(rules);
  check_numbers(rules);
  check_names(rules);
  check_registration(rules);
  ListenerRules(rules, "listeners").check();
  ListenerRules(rules, "worker_listeners").check();
  check_worker_rules(rules);
  if (sources.look_at_files) {
    check_file_rules(rules);
  }
}

void complete_process_values(nlohmann::json& root) {
  complete_listeners(root, "listeners");
  complete_listeners(root, "worker_listeners");
  complete_public_baseurl(root);
  complete_redis(root);
  complete_registration(root);
  complete_worker_values(root);
}

}  // namespace lares::config
