// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/client_event.hpp>
#include <lares/matrix/event.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// Bytes and header as a damaged database would give them: a length byte, so many bytes of header, the rest
// the event. Whatever restore takes can be read without leaving the event's memory.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view all{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::string_view header = all.substr(0, data[0]);
  const std::string_view bytes = all.substr(header.size());
  const auto& version = *lares::matrix::find_room_version("12");
  const auto restored = lares::matrix::Event::restore(bytes, header, version);
  if (!restored) {
    return 0;
  }
  const lares::matrix::Event& event = **restored;
  std::string out;
  append_client_event(out, event);
  out += event.header();
  for (const std::string_view id : event.prev_events()) {
    out += id;
  }
  for (const std::string_view id : event.auth_events()) {
    out += id;
  }
  out += event.signatures().bytes();
  out += event.hashes().bytes();
  out += event.unsigned_data().bytes();
  out += event.redacts().value_or("");
  return out.empty() ? 1 : 0;
}
