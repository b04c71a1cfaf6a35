// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/command.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace

// A row or a position that is read is written in a form that is read as the same; what is refused is refused
// with a short sentence.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lares::stream;
  const std::string_view line{reinterpret_cast<const char*>(data), size};
  const auto command = parse_command(line);
  if (!command) {
    require(!command.error().empty() && command.error().size() < 400);
    return 0;
  }
  if (const auto* row = std::get_if<RdataCommand>(&*command)) {
    const auto again = parse_command(format_rdata(row->stream, row->instance, row->token, row->row));
    require(again.has_value());
    const auto* same = std::get_if<RdataCommand>(&*again);
    require(same != nullptr && same->stream == row->stream && same->instance == row->instance &&
            same->token == row->token && same->row == row->row);
  } else if (const auto* position = std::get_if<PositionCommand>(&*command)) {
    require(position->previous >= 0 && position->current >= 0);
    const auto again = parse_command(
        format_position(position->stream, position->instance, position->previous, position->current));
    require(again.has_value());
    const auto* same = std::get_if<PositionCommand>(&*again);
    require(same != nullptr && same->stream == position->stream && same->instance == position->instance &&
            same->previous == position->previous && same->current == position->current);
  } else if (const auto* writers = std::get_if<WritersCommand>(&*command)) {
    const auto again = parse_command(format_writers(writers->stream, writers->instance, writers->list));
    require(again.has_value());
    const auto* same = std::get_if<WritersCommand>(&*again);
    require(same != nullptr && same->stream == writers->stream && same->instance == writers->instance &&
            same->list == writers->list && same->list >= 0);
  } else if (const auto* other = std::get_if<OtherCommand>(&*command)) {
    require(line.starts_with(other->name) && line.ends_with(other->arguments));
  }
  return 0;
}
