// SPDX-License-Identifier: Apache-2.0
#include <host/assembly.hpp>
#include <host/daemon.hpp>
#include <host/file_limit.hpp>
#include <host/heap.hpp>
#include <host/logging.hpp>
#include <host/plugin_check.hpp>
#include <host/process.hpp>
#include <host/server_keys_impl.hpp>
#include <host/service_manager.hpp>
#include <host/settings.hpp>
#include <http/http_server.hpp>
#include <http/router_impl.hpp>

#include <lares/plugin/build_fingerprint.h>
#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/plugin/fingerprint.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

namespace lares::host {
namespace {

using Action = CommandLine::Action;

void say(std::string_view sentences) {
  while (!sentences.empty()) {
    const auto end = sentences.find('\n');
    fmt::print(stderr, "laresd: {}\n", sentences.substr(0, end));
    sentences.remove_prefix(end == std::string_view::npos ? sentences.size() : end + 1);
  }
}

// Says why it ended; gives the exit code.
int report(const std::exception_ptr& failure) noexcept {
  log::flush();
  try {
    std::rethrow_exception(failure);
  } catch (const StartError& error) {
    say(error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    say(fmt::format("It cannot go on: {}", error.what()));
  } catch (...) {
    say("It cannot go on, and what was thrown does not say why.");
  }
  return 1;
}

// The program and the library it found at run time must be of one build before anything of the latter is
// relied on.
void check_own_build() {
  if (build_fingerprint() != LARES_FINGERPRINT) {
    throw StartError(fmt::format(
        "laresd and the liblares.so it found come from different builds: laresd says \"{}\", the library "
        "says \"{}\". Install both from the same package.",
        LARES_FINGERPRINT, build_fingerprint()));
  }
}

std::size_t loops(const Config& config) {
  const auto configured = static_cast<std::size_t>(config.integer("threads"));
  return configured != 0 ? configured : std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 256);
}

int check_config(const CommandLine& command_line) {
  const auto settings = load_settings(command_line);
  RealRuntime runtime;
  // Constructing does no I/O and finds what only shows between plugins: a missing need, two providers, two
  // equal routes.
  Assembly assembly(*settings.host, settings.config, runtime, KeyUse::Ephemeral);
  int code = 0;
  try {
    run_blocking(runtime, "check", assembly.modules().check());
    fmt::print("The configuration of {} is right: {} plugins would start with {} routes.\n",
               assembly.server().name(), assembly.server().plugin_names().size(),
               assembly.router().routes().size());
  } catch (...) {
    code = report(std::current_exception());
  }
  if (!assembly.modules().clean()) {
    // Threads of a module still use what destructors would take from them.
    std::fflush(nullptr);
    log::flush();
    ::_exit(code);
  }
  return code;
}

int generate_keys(const CommandLine& command_line) {
  const auto settings = load_settings(command_line, Purpose::Ask);
  RealRuntime runtime;
  const ServerKeysImpl keys(*settings.config, runtime, KeyUse::ReadOrMake);
  fmt::print("{} the signing key {}.\n", keys.made() ? "Made" : "There is already", keys.file().string());
  return 0;
}

int serve(const CommandLine& command_line) {
  std::signal(SIGPIPE, SIG_IGN);
  give_large_blocks_back();
  ServiceManager manager(ServiceManager::address_from_environment());
  auto settings = load_settings(command_line);
  configure_logging(*settings.config);
  set_file_limit(*settings.config);
  RealRuntime runtime({.threads = loops(*settings.config)});
  make_absent_secrets(command_line, settings, runtime);
  Process process(command_line, settings, runtime, manager);
  const auto ending = run_blocking(runtime, "main", process.run());
  log::flush();
  const int code = ending.failure ? report(ending.failure) : 0;
  if (!ending.clean) {
    // Something still runs; destructors would pull the ground from under it.
    ::_exit(code != 0 ? code : 1);
  }
  return code;
}

int act(const CommandLine& command_line) {
  check_own_build();
  switch (command_line.action) {
    case Action::Help:
      fmt::print("{}", usage());
      return 0;
    case Action::Version:
      fmt::print("laresd {}\n{}\n", version(), build_fingerprint());
      return 0;
    case Action::ListPlugins:
      return list_plugins(command_line);
    case Action::CheckPlugin:
      return check_plugin(command_line.plugin);
    case Action::CheckConfig:
      return check_config(command_line);
    case Action::GenerateKeys:
      return generate_keys(command_line);
    case Action::Run:
      return serve(command_line);
  }
  return kExitConfig;
}

}  // namespace

int run(const CommandLine& command_line) noexcept {
  try {
    return act(command_line);
  } catch (...) {
    return report(std::current_exception());
  }
}

}  // namespace lares::host
