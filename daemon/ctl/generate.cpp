// SPDX-License-Identifier: Apache-2.0
#include <ctl/generate.hpp>

#include <config/host_keys.hpp>
#include <config/loader.hpp>
#include <config/secret_file.hpp>
#include <config/signing_key.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lares::ctl {

namespace {

namespace fs = std::filesystem;
using Failure = std::unexpected<std::string>;

/// JSON's quotes are YAML's too.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct Files {
  fs::path config;
  fs::path data;
  fs::path homeserver;
  fs::path signing_key;
  fs::path registration_secret;
};

Files files_of(const GenerateOptions& options) {
  Files files;
  files.config = fs::absolute(options.config_dir).lexically_normal();
  files.data = options.data_dir.empty() ? files.config : fs::absolute(options.data_dir).lexically_normal();
  files.homeserver = files.config / "homeserver.yaml";
  files.signing_key = files.config / (options.server_name + ".signing.key");
  files.registration_secret = files.config / (options.server_name + ".registration_secret");
  return files;
}

std::string text_of(const GenerateOptions& options, const Files& files) {
  std::string text = fmt::format(
      "# Configuration of the Matrix homeserver {0}.\n"
      "#\n"
      "# What a key means, and its default:   laresctl config explain KEY\n"
      "# Whether this file is right:          laresctl config check --config-path {1}\n"
      "# Files named later on the command line replace whole top-level keys of this one.\n"
      "\n"
      "# The name behind the colon of every user and room alias. It can never be changed once users exist.\n"
      "server_name: {2}\n"
      "\n"
      "# Where clients reach the server from outside. By default https:// and the server's name.\n"
      "# public_baseurl: \"https://{0}/\"\n"
      "\n",
      options.server_name, files.homeserver.string(), quoted(options.server_name));
  text += fmt::format(
      "# What the server keeps beside its database.\n"
      "data_dir: {}\n"
      "\n"
      "# The key that signs this server's events. Keep a copy: other servers know this one by it.\n"
      "signing_key_path: {}\n"
      "\n"
      "# Where it listens. A reverse proxy in front speaks TLS to clients and adds X-Forwarded-For.\n"
      "listeners:\n"
      "  - port: {}\n"
      "    bind_addresses: [{}]\n"
      "    type: http\n"
      "    x_forwarded: true\n"
      "    resources:\n"
      "      - names: [client, federation]\n"
      "\n",
      quoted(files.data.string()), quoted(files.signing_key.string()), options.port,
      quoted(options.bind_address));
  text += fmt::format(
      "# SQLite needs nothing else. For PostgreSQL: name: psycopg2, args: {{host: ..., user: ..., database: "
      "...}}\n"
      "database:\n"
      "  name: sqlite3\n"
      "  args:\n"
      "    database: {}\n"
      "\n"
      "# Whoever knows this secret can make accounts: laresctl register-user\n"
      "registration_shared_secret_path: {}\n"
      "\n",
      quoted((files.data / "homeserver.db").string()), quoted(files.registration_secret.string()));
  text += fmt::format(
      "# Whether strangers may register, and the confirmation that nothing is asked of them.\n"
      "enable_registration: {0}\n"
      "enable_registration_without_verification: {0}\n"
      "\n",
      options.open_registration);
  if (!options.rate_limits) {
    text +=
        "# The rc_* limits. Without them one client can keep the server busy; for tests only.\nrate_limits: "
        "false\n\n";
  }
  text +=
      "# What is logged. A change of the level counts after a reload (SIGHUP).\n"
      "log:\n"
      "  level: info\n"
      "  format: human\n";
  return text;
}

/// Whether the daemon would take it; the first error otherwise.
std::expected<void, std::string> judge(const std::string& text, const Files& files) {
  config::Sources sources;
  sources.names = {files.homeserver.string()};
  auto document = config::parse_document(text, 0, sources.names.front());
  if (!document) {
    return Failure(config::to_string(document.error()));
  }
  sources.root = std::move(*document);
  config::KeySet keys;
  config::declare_host_keys(keys);
  // What plugins declare is not known here.
  for (const auto& diagnostic : config::check(sources, keys, config::Scope::DeclaredOnly).diagnostics) {
    if (diagnostic.severity == config::Severity::Error) {
      return Failure(fmt::format("{}: {}", diagnostic.key, diagnostic.message));
    }
  }
  return {};
}

std::expected<void, std::string> make_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) {
    return {};
  }
  if (!fs::create_directories(folder, error)) {
    return Failure(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  }
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec, error);
  return {};
}

}  // namespace

std::expected<std::vector<fs::path>, std::string> generate(const GenerateOptions& options,
                                                           crypto::RandomSource& random) {
  const Files files = files_of(options);
  const std::string text = text_of(options, files);
  if (const auto good = judge(text, files); !good) {
    return Failure(good.error());
  }
  std::error_code error;
  if (fs::exists(files.homeserver, error)) {
    return Failure(fmt::format("{} exists already and is not replaced", files.homeserver.string()));
  }
  for (const auto& folder : {files.config, files.data}) {
    if (const auto made = make_folder(folder); !made) {
      return Failure(made.error());
    }
  }
  std::vector<fs::path> written;
  if (!fs::exists(files.signing_key, error)) {
    if (const auto key = config::generate_signing_key(files.signing_key, random); !key) {
      return Failure(key.error());
    }
    written.push_back(files.signing_key);
  }
  constexpr std::size_t kSecretLength = 48;
  const auto write = [&](const fs::path& path,
                         const std::string& content) -> std::expected<void, std::string> {
    auto done = config::write_secret_file(path, content);
    if (done) {
      written.push_back(path);
    }
    return done;
  };
  if (!fs::exists(files.registration_secret, error)) {
    if (const auto done =
            write(files.registration_secret, crypto::random_alphanumeric(random, kSecretLength) + "\n");
        !done) {
      return Failure(done.error());
    }
  }
  if (const auto done = write(files.homeserver, text); !done) {
    return Failure(done.error());
  }
  // It holds no secret, only where they are.
  fs::permissions(files.homeserver, fs::perms::group_read, fs::perm_options::add, error);
  return written;
}

}  // namespace lares::ctl
