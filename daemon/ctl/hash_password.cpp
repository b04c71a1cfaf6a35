// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/password_input.hpp>
#include <ctl/settings.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <cstdint>
#include <string>

namespace lares::ctl {

namespace {

// The cost where no configuration is named; the server hashes anew at the next login where its own differs.
constexpr std::uint64_t kPasses = 2;
constexpr std::uint64_t kMemory = 19U << 20;

struct Cost {
  std::uint64_t passes = kPasses;
  std::uint64_t memory = kMemory;
  std::string pepper;
};

Cost cost_of(const Arguments& arguments) {
  Cost cost;
  if (!arguments.has(kConfigPath.name)) {
    return cost;
  }
  const auto settings = host::load_settings(command_line(arguments), host::Purpose::Ask);
  if (settings.config->find("password_hash.passes") != nullptr) {
    cost.passes = static_cast<std::uint64_t>(settings.config->integer("password_hash.passes"));
    cost.memory = settings.config->size("password_hash.memory");
  }
  if (settings.config->find("password_config.pepper") != nullptr) {
    cost.pepper = settings.config->string("password_config.pepper");
  }
  return cost;
}

int run(const Arguments& arguments) {
  if (::sodium_init() < 0) {
    throw std::runtime_error("libsodium does not start");
  }
  const Cost cost = cost_of(arguments);
  const std::string password = read_new_password() + cost.pepper;
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (::crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), cost.passes,
                              static_cast<std::size_t>(cost.memory), crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::runtime_error(fmt::format("there are not {} bytes of memory for the hash", cost.memory));
  }
  fmt::print("{}\n", hash.data());
  return 0;
}

}  // namespace

Command hash_password_command() {
  return {
      .name = "hash-password",
      .words = "",
      .meaning = "Hashes a password, read from the terminal or from standard input, as the server keeps it.",
      .options = {{"--config-path", "-c", "PATH",
                   "configuration whose password_hash.* cost and pepper are used"},
                  kPluginFolder},
      .word_count = 0,
      .run = run};
}

}  // namespace lares::ctl
