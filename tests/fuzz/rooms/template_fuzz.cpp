// SPDX-License-Identifier: Apache-2.0
#include "../require.hpp"

#include <lares/matrix/event.hpp>
#include <lares/matrix/event_signatures.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The first byte chooses the room version, the rest is a template as another server answers make_join and its
// kin with. What becomes an event of ours is one that others take: it parses as it stands, its hash fits and
// its signature verifies.

namespace {

using namespace lares;
using namespace lares::matrix;

class OneKey final : public KeyLookup {
 public:
  explicit OneKey(const crypto::SigningKey& key) : key_{key} {}
  std::optional<KnownKey> find(std::string_view, std::string_view key_id) const override {
    return key_id == key_.id() ? std::optional{KnownKey{key_.public_key(), INT64_MAX}} : std::nullopt;
  }

 private:
  const crypto::SigningKey& key_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const RoomVersion& version = room_versions()[data[0] % room_versions().size()];
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  crypto::Ed25519Seed seed{};
  seed.fill(5);
  const crypto::SigningKey key{"1", seed};
  const ServerName server = ServerName::parse("a.example").value();

  const auto object = sign_event_object(text, version, server.view(), key);
  const auto event = build_event_from_template(text, version, server, key);
  require(object.has_value() || !event.has_value());
  if (!event) {
    static_cast<void>(describe(event.error()));
    return 0;
  }
  const auto parsed = Event::parse((*event)->bytes(), version);
  require(parsed.has_value() && !parsed->redacted_for_hash);
  require(parsed->event->bytes() == (*event)->bytes());
  require(parsed->event->event_id() == (*event)->event_id());
  bool by_us_alone = true;
  for (const RequiredSigner& signer : required_signers(**event)) {
    by_us_alone = by_us_alone && signer.server == server.view();
  }
  require(!by_us_alone || verify_event_signatures(**event, OneKey{key}).has_value());

  const auto again = add_signature(**event, ServerName::parse("b.example").value(), key);
  require(again.has_value() ? (*again)->event_id() == (*event)->event_id()
                            : again.error().code == EventErrorCode::kTooLarge);
  return 0;
}
