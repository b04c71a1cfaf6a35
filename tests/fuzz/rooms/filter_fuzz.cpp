// SPDX-License-Identifier: Apache-2.0
#include "../require.hpp"

#include <lares/matrix/filter.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// A filter as a client stores or sends it. Whatever is taken can be asked about any event, and agrees with
// itself.

namespace {

using namespace lares::matrix;

const Event& event() {
  static const EventPtr made = [] {
    EventDraft draft;
    draft.type = "m.room.message";
    draft.sender = "@a:b";
    draft.room_id = "!r:b";
    draft.content = R"({"body":"x","url":"mxc://b/c"})";
    draft.prev_events.emplace_back("$w2S8bVfVSoXiD7OgH6iRT-xyIuqDnpYQNhcu5BS-UMn");
    return build_unsigned(draft, *find_room_version("11")).value();
  }();
  return *made;
}

void ask(const EventFilter& filter) {
  const bool matches = filter.matches(event());
  const bool by_parts =
      filter.matches(event().type(), event().sender()) && filter.matches_room(event().room_id());
  require(!matches || by_parts);
  require(!filter.trivial() || (matches && filter.matches("x", "") && filter.matches_room("")));
  require(filter.limit(5) <= EventFilter::kMostEvents);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (object.is_discarded()) {
    return 0;
  }
  if (const auto section = EventFilter::parse(object)) {
    ask(*section);
  } else {
    require(!section.error().empty());
  }
  if (const auto filter = Filter::parse(object)) {
    for (const EventFilter* section :
         {&filter->timeline(), &filter->state(), &filter->ephemeral(), &filter->room_account_data(),
          &filter->account_data(), &filter->presence()}) {
      ask(*section);
    }
    static_cast<void>(filter->wants_room("!r:b"));
    require(
        nlohmann::json::parse(filter->fields().selected(lares::json::Value{event().bytes()})).is_object());
  }
  return 0;
}
