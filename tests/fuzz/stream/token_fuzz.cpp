// SPDX-License-Identifier: Apache-2.0
#include <lares/service/rooms.hpp>
#include <lares/stream/token.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace

// What is read is written in a form that is read as the same; a token cut to itself is itself, and none is
// beyond what it was cut to.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lares;
  using namespace lares::stream;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto token = Token::parse(text)) {
    const std::string written = token->text();
    const auto again = Token::parse(written);
    require(again.has_value() && *again == *token && again->text() == written);
    bool cut = false;
    require(token->limited_to(*token, cut) == *token && !cut);
    Token present;
    present.set(StreamNumber::kEvents, {100, {{3, 110}}});
    const Token limited = token->limited_to(present, cut);
    require(cut == !(limited == *token));
    for (std::size_t i = 1; i < kStreamNumbers; ++i) {
      const auto stream = static_cast<StreamNumber>(i);
      const StreamPosition position = token->at(stream);
      require(position.minimum() >= 0 && position.minimum() == token->minimum(stream));
      require(std::ranges::is_sorted(position.ahead(), std::ranges::less_equal{},
                                     &StreamPosition::Ahead::writer) ||
              position.ahead().size() < 2);
      for (const StreamPosition::Ahead& ahead : position.ahead()) {
        require(ahead.position > position.minimum() && position.of(ahead.writer) == ahead.position);
        require(token->covers(stream, ahead.writer, ahead.position));
      }
      require(limited.at(stream).maximum() <= present.at(stream).maximum());
    }
  }
  if (const auto place = service::HistoryPlace::parse(text)) {
    require(service::HistoryPlace::parse(place->text()) == place);
  }
  return 0;
}
