// SPDX-License-Identifier: Apache-2.0
#include "../require.hpp"

#include <lares/json/canonical.hpp>
#include <lares/matrix/client_event.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/event_auth.hpp>
#include <lares/matrix/event_signatures.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// The first byte chooses the room version, the rest is an event as another server sends it: whatever parses
// can be stored, shown, redacted, hashed and authorised, and comes back the same.

namespace {

using namespace lares::matrix;

void check(const Event& event, const RoomVersion& version) {
  require(event.bytes().size() <= kMaxEventBytes);
  require(event.prev_events().size() <= kMaxPrevEvents && event.auth_events().size() <= kMaxAuthEvents);
  const auto again = Event::parse(event.bytes(), version, {.trusted = true});
  require(again.has_value() && again->event->bytes() == event.bytes());
  require(again->event->event_id() == event.event_id());
  const auto restored = Event::restore(event.bytes(), event.header(), version);
  require(restored.has_value() && (*restored)->header() == event.header());
  require((*restored)->event_id() == event.event_id() && (*restored)->sender() == event.sender());

  const EventPtr redacted = redact(event);
  require(redacted != nullptr && redacted->event_id() == event.event_id());
  require(redact(*redacted)->bytes() == redacted->bytes());
  require(signed_bytes(*redacted) == signed_bytes(event));

  std::string client;
  append_client_event(client, event);
  require(lares::json::scan(client, {.numbers = lares::json::Numbers::kAny}).has_value());

  static_cast<void>(keys_needed(event));
  const AuthSubject subject{event};
  for (const StateKey& key : auth_events_for(subject, version)) {
    require(is_auth_event_for(subject, version, key.type, key.state_key));
  }
  // The event as its own state: every rule reads whatever content comes.
  const auto itself = [&](std::string_view, std::string_view) { return &event; };
  static_cast<void>(authorise(event, itself));
  const auto nothing = [](std::string_view, std::string_view) -> const Event* { return nullptr; };
  static_cast<void>(authorise(event, nothing));
  const AuthEvent own{&event, false};
  static_cast<void>(authorise_auth_events(event, {&own, 1}, &own));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const RoomVersion& version = room_versions()[data[0] % room_versions().size()];
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  for (const bool trusted : {false, true}) {
    const auto parsed = Event::parse(text, version, {.keep_unsigned = trusted, .trusted = trusted});
    if (!parsed) {
      static_cast<void>(describe(parsed.error()));
    } else if (!trusted) {
      check(*parsed->event, version);
    } else {
      const auto without = Event::parse(text, version, {.trusted = true});
      if (without) {
        check(*without->event, version);
      }
    }
  }
  return 0;
}
