// SPDX-License-Identifier: Apache-2.0
#include <host/server_keys_impl.hpp>

#include <config/signing_key.hpp>

#include <lares/base/error.hpp>
#include <lares/plugin/config.hpp>

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace lares::host {
namespace {

matrix::ServerName parse_name(const Config& config) {
  auto name = matrix::ServerName::parse(config.string("server_name"));
  if (!name) {
    throw StartError(fmt::format(
        "{}: server_name: \"{}\" is no server name; a host name is expected, with or without a port.",
        config.origin("server_name"), config.string("server_name")));
  }
  return *std::move(name);
}

crypto::SigningKey obtain_key(const std::filesystem::path& file, const Config& config,
                              crypto::RandomSource& random, KeyUse use, bool& made) {
  if (use == KeyUse::Ephemeral) {
    return crypto::SigningKey::generate("ephemeral", random);
  }
  std::error_code error;
  if (config.string("worker_app") == "homeserver" && !std::filesystem::exists(file, error)) {
    auto key = config::generate_signing_key(file, random);
    if (!key) {
      throw StartError(key.error());
    }
    made = true;
    return *std::move(key);
  }
  auto keys = config::read_signing_keys(file);
  if (!keys) {
    throw StartError(keys.error());
  }
  return std::move(keys->front());
}

}  // namespace

ServerKeysImpl::ServerKeysImpl(const Config& config, crypto::RandomSource& random, KeyUse use)
    : name_(parse_name(config)),
      file_(config::signing_key_path(config)),
      key_(obtain_key(file_, config, random, use, made_)) {}

ServerKeysImpl::~ServerKeysImpl() = default;

}  // namespace lares::host
