// SPDX-License-Identifier: Apache-2.0
#include <config/signing_key.hpp>

#include <config/secret_file.hpp>

#include <lares/crypto/base64.hpp>
#include <lares/crypto/random_source.hpp>
#include <lares/plugin/config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace lares::config {

namespace {

bool is_version(std::string_view version) {
  return !version.empty() && std::ranges::all_of(version, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::expected<std::vector<crypto::SigningKey>, std::string> read_signing_keys(
    const std::filesystem::path& path) {
  const auto content = read_secret_file(path);
  if (!content) {
    return std::unexpected(content.error());
  }
  std::vector<crypto::SigningKey> keys;
  std::istringstream lines(*content);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string algorithm;
    std::string version;
    std::string seed_text;
    std::string rest;
    words >> algorithm >> version >> seed_text >> rest;
    if (algorithm.empty()) {
      continue;
    }
    crypto::Ed25519Seed seed{};
    if (algorithm != "ed25519" || !is_version(version) || !rest.empty() ||
        !crypto::base64_decode_to(seed, seed_text)) {
      return std::unexpected(
          fmt::format("{}:{}: expected \"ed25519 NAME SEED\", NAME of letters, digits and _, SEED 32 bytes "
                      "in unpadded base64",
                      path.string(), number));
    }
    keys.emplace_back(version, seed);
  }
  if (keys.empty()) {
    return std::unexpected(
        fmt::format("{} holds no key; remove the file, and a new one is made", path.string()));
  }
  return keys;
}

std::expected<crypto::SigningKey, std::string> generate_signing_key(const std::filesystem::path& path,
                                                                    crypto::RandomSource& random) {
  const std::string version = "a_" + crypto::random_alphanumeric(random, 4);
  auto key = crypto::SigningKey::generate(version, random);
  const auto seed = key.seed();
  const auto written =
      write_secret_file(path, fmt::format("ed25519 {} {}\n", version, crypto::base64_encode(seed)));
  if (!written) {
    return std::unexpected(written.error());
  }
  return key;
}

std::filesystem::path signing_key_path(const Config& config) {
  if (const std::string given = config.string("signing_key_path"); !given.empty()) {
    return given;
  }
  return std::filesystem::path(config.string("data_dir")) / (config.string("server_name") + ".signing.key");
}

}  // namespace lares::config
