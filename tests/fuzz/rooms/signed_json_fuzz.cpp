// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/signed_json.hpp>
#include <lares/json/canonical.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

// What signs verifies, and stays canonical.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lares::crypto;
  Ed25519Seed seed{};
  seed.fill(5);
  const SigningKey key{"1", seed};
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static_cast<void>(verify_json(text, "a.example", key.id(), key.public_key()));
  const auto signed_text = sign_json(text, "a.example", key);
  if (signed_text &&
      (!lares::json::is_canonical(*signed_text) ||
       verify_json(*signed_text, "a.example", key.id(), key.public_key()) != SignatureCheck::kValid)) {
    std::abort();
  }
  return 0;
}
