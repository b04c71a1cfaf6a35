// SPDX-License-Identifier: Apache-2.0
#include <config/synapse_keys.hpp>

#include <config/path.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

namespace lares::config {

namespace {

constexpr std::string_view kKeys[] = {
#include <config/synapse_keys.inc>
};
static_assert(std::ranges::is_sorted(kKeys));

using Sentence = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kUseInstanceMap =
    "workers find the main process by `instance_map`: write `instance_map: {main: {host: HOST, port: PORT}}` "
    "and remove "
    "this key";

constexpr std::array<Sentence, 2> kRemoved = {{
    {"worker_replication_http_port", kUseInstanceMap},
    {"worker_replication_http_tls",
     "write `tls: true` beside host and port of the main process in `instance_map`, and remove this key"},
}};

constexpr std::string_view kUseLog =
    "Synapse's logging file is not read and has no effect; write a `log` section (level, levels, format, "
    "file)";
constexpr std::string_view kDaemonize =
    "the process always stays in the foreground, as systemd and containers want it; has no effect";

constexpr std::array<Sentence, 6> kNotes = {{
    {"log_config", kUseLog},
    {"worker_log_config", kUseLog},
    {"daemonize", kDaemonize},
    {"worker_daemonize", kDaemonize},
    {"notify_appservices", "has no effect; name the worker with notify_appservices_from_worker"},
    {"update_user_directory", "has no effect; name the worker with update_user_directory_from_worker"},
}};

std::string_view find_in(std::span<const Sentence> sentences, std::string_view path) {
  for (const auto& [key, sentence] : sentences) {
    if (key == path) {
      return sentence;
    }
  }
  return {};
}

}  // namespace

bool known_to_synapse(std::string_view path) {
  return std::ranges::binary_search(kKeys, path) ||
         std::ranges::binary_search(kKeys, std::string_view(join_path(parent_path(path), "*")));
}

std::string_view note_for_ignored(std::string_view path) {
  const auto note = find_in(kNotes, path);
  return note.empty() ? "known to Synapse, has no effect in this version" : note;
}

std::string_view remedy_for_removed(std::string_view path) {
  return find_in(kRemoved, path);
}

std::vector<std::string_view> synapse_names_below(std::string_view path) {
  std::vector<std::string_view> names;
  for (const std::string_view key : kKeys) {
    if (parent_path(key) == path) {
      names.push_back(last_name(key));
    }
  }
  return names;
}

}  // namespace lares::config
