// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/password_input.hpp>
#include <ctl/registration.hpp>
#include <ctl/settings.hpp>

#include <config/secret_file.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <memory>

namespace lares::ctl {

namespace {

std::string secret_of(const Arguments& arguments, const Config* config) {
  if (const auto path = arguments.value("--shared-secret-path")) {
    auto content = config::read_secret_file(*path);
    if (!content) {
      throw StartError(content.error());
    }
    content->erase(content->find_last_not_of(" \t\r\n") + 1);
    return *content;
  }
  const std::string secret = config == nullptr ? "" : config->string("registration_shared_secret");
  if (secret.empty()) {
    throw StartError(
        "the server's registration_shared_secret is needed: set it in the configuration and name that with "
        "--config-path, or name a file that holds it with --shared-secret-path");
  }
  return secret;
}

http::Endpoint endpoint_of(const Arguments& arguments, const Config* config) {
  if (const auto url = arguments.value("--url")) {
    const auto endpoint = parse_server_url(*url);
    if (!endpoint) {
      throw StartError(fmt::format("--url {}: expected http://HOST:PORT or https://HOST:PORT", *url));
    }
    return *endpoint;
  }
  const auto endpoint = config == nullptr ? std::nullopt : own_endpoint(*config);
  if (!endpoint) {
    throw StartError("no listener of the configuration serves clients; say where the server is with --url");
  }
  return *endpoint;
}

Task<std::string> run_client(http::Client& client, http::Endpoint endpoint, NewUser user,
                             std::string secret) {
  std::exception_ptr failure;
  std::string user_id;
  try {
    user_id = co_await register_user(client, std::move(endpoint), std::move(user), std::move(secret));
  } catch (...) {
    failure = std::current_exception();
  }
  co_await client.stop();
  if (failure) {
    std::rethrow_exception(failure);
  }
  co_return user_id;
}

int run(const Arguments& arguments) {
  NewUser user;
  user.name = arguments.value("--user").value_or("");
  if (user.name.empty()) {
    throw StartError("register-user needs --user NAME: what stands between @ and : of the user id");
  }
  if (arguments.has("--admin") && arguments.has("--no-admin")) {
    throw StartError("--admin and --no-admin contradict each other");
  }
  user.admin = arguments.has("--admin");
  std::shared_ptr<const Config> config;
  if (auto line = command_line(arguments);
      !line.config_paths.empty() && !(arguments.has("--url") && arguments.has("--shared-secret-path"))) {
    config = host::load_settings(line, host::Purpose::Ask).config;
  }
  std::string secret = secret_of(arguments, config.get());
  http::Endpoint endpoint = endpoint_of(arguments, config.get());
  user.password = arguments.has("--password") ? *arguments.value("--password") : read_new_password();
  RealRuntime runtime;
  http::Client client(runtime,
                      {.user_agent = "laresctl", .verify_certificates = !arguments.has("--insecure")});
  const auto user_id = run_blocking(
      runtime, "register-user", run_client(client, std::move(endpoint), std::move(user), std::move(secret)));
  fmt::print("registered {}\n", user_id);
  return 0;
}

}  // namespace

Command register_user_command() {
  return {.name = "register-user",
          .words = "",
          .meaning = "Registers a user at the running server, by its registration_shared_secret.",
          .options =
              {{"--user", "-u", "NAME", "what stands between @ and : of the user id (required)"},
               {"--password", "-p", "PASSWORD",
                "better left out: then it is read from the terminal or standard input, where nobody sees it"},
               {"--admin", "-a", "", "make the user an administrator of the server"},
               {"--no-admin", "", "", "a user like any other (the default)"},
               {"--url", "", "URL", "where the server is; by default its first listener for clients"},
               {"--shared-secret-path", "", "FILE", "file with the secret, instead of a configuration"},
               {"--insecure", "", "", "take any certificate of the server"},
               kConfigPath,
               kPluginFolder},
          .word_count = 0,
          .run = run};
}

}  // namespace lares::ctl
