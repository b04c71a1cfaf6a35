// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/token.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace lares::stream {

namespace {

constexpr std::size_t kLongestToken = 1024;
constexpr std::size_t kMostWritersAhead = 64;
constexpr std::string_view kFormat = "1";

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

template <class Number>
bool take_number(std::string_view& text, Number& out) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || out < Number{0} || (!text.empty() && text.front() == '-')) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

}  // namespace

StreamPosition::StreamPosition(std::int64_t minimum, std::vector<Ahead> ahead)
    : minimum_(minimum), ahead_(std::move(ahead)) {
  std::erase_if(ahead_, [minimum](const Ahead& entry) { return entry.position <= minimum; });
  // Of a writer that is named twice the higher position stands.
  std::ranges::sort(ahead_, [](const Ahead& a, const Ahead& b) {
    return std::pair{a.writer, b.position} < std::pair{b.writer, a.position};
  });
  const auto repeated = std::ranges::unique(ahead_, {}, &Ahead::writer);
  ahead_.erase(repeated.begin(), repeated.end());
}

std::int64_t StreamPosition::maximum() const noexcept {
  std::int64_t highest = minimum_;
  for (const Ahead& entry : ahead_) {
    highest = std::max(highest, entry.position);
  }
  return highest;
}

bool StreamPosition::reaches(const StreamPosition& other) const noexcept {
  return minimum_ >= other.minimum_ && std::ranges::all_of(other.ahead_, [this](const Ahead& entry) {
           return covers(entry.writer, entry.position);
         });
}

std::int64_t StreamPosition::of(WriterNumber writer) const noexcept {
  const auto found = std::ranges::find(ahead_, writer, &Ahead::writer);
  return found == ahead_.end() ? minimum_ : found->position;
}

std::expected<Token, std::string_view> Token::parse(std::string_view text) {
  constexpr std::string_view kNoToken = "The token is not one of this server's.";
  if (text.size() > kLongestToken || !text.starts_with(kFormat)) {
    return std::unexpected(kNoToken);
  }
  text.remove_prefix(kFormat.size());
  Token token;
  while (!text.empty()) {
    std::uint32_t number = 0;
    std::int64_t minimum = 0;
    if (!take(text, '.') || !take_number(text, number) || number == 0 || number > 255 || !take(text, '-') ||
        !take_number(text, minimum)) {
      return std::unexpected(kNoToken);
    }
    std::vector<StreamPosition::Ahead> ahead;
    while (take(text, '~')) {
      StreamPosition::Ahead entry;
      if (!take_number(text, entry.writer) || !take(text, '-') || !take_number(text, entry.position) ||
          ahead.size() == kMostWritersAhead) {
        return std::unexpected(kNoToken);
      }
      ahead.push_back(entry);
    }
    // A stream that this release does not have belongs to a newer one, which shares the database: it is
    // passed over.
    if (number < kStreamNumbers) {
      token.set(static_cast<StreamNumber>(number), StreamPosition{minimum, std::move(ahead)});
    }
  }
  return token;
}

void Token::append_to(std::string& out) const {
  out += kFormat;
  for (std::size_t stream = 1; stream < kStreamNumbers; ++stream) {
    bool shown = minima_[stream] != 0;
    if (shown) {
      out += '.';
      append_number(out, static_cast<std::int64_t>(stream));
      out += '-';
      append_number(out, minima_[stream]);
    }
    for (const Entry& entry : ahead_) {
      if (static_cast<std::size_t>(entry.stream) != stream) {
        continue;
      }
      if (!std::exchange(shown, true)) {
        out += '.';
        append_number(out, static_cast<std::int64_t>(stream));
        out += "-0";
      }
      out += '~';
      append_number(out, entry.ahead.writer);
      out += '-';
      append_number(out, entry.ahead.position);
    }
  }
}

std::string Token::text() const {
  std::string out;
  append_to(out);
  return out;
}

StreamPosition Token::at(StreamNumber stream) const {
  std::vector<StreamPosition::Ahead> ahead;
  for (const Entry& entry : ahead_) {
    if (entry.stream == stream) {
      ahead.push_back(entry.ahead);
    }
  }
  return {minimum(stream), std::move(ahead)};
}

bool Token::covers(StreamNumber stream, WriterNumber writer, std::int64_t position) const noexcept {
  if (position <= minimum(stream)) {
    return true;
  }
  return std::ranges::any_of(ahead_, [stream, writer, position](const Entry& entry) {
    return entry.stream == stream && entry.ahead.writer == writer && position <= entry.ahead.position;
  });
}

void Token::set(StreamNumber stream, std::int64_t position) {
  set(stream, StreamPosition{position});
}

void Token::set(StreamNumber stream, const StreamPosition& position) {
  minima_[static_cast<std::size_t>(stream)] = position.minimum();
  if (!ahead_.empty()) {
    std::erase_if(ahead_, [stream](const Entry& entry) { return entry.stream == stream; });
  }
  for (const StreamPosition::Ahead& ahead : position.ahead()) {
    const auto place = std::ranges::upper_bound(
        ahead_, std::pair{stream, ahead.writer}, {},
        [](const Entry& entry) { return std::pair{entry.stream, entry.ahead.writer}; });
    ahead_.insert(place, {stream, ahead});
  }
}

Token Token::later_of(const Token& left, const Token& right) {
  Token result;
  for (std::size_t number = 0; number < kStreamNumbers; ++number) {
    const auto stream = static_cast<StreamNumber>(number);
    const StreamPosition a = left.at(stream);
    const StreamPosition b = right.at(stream);
    std::vector<StreamPosition::Ahead> ahead;
    for (const std::vector<StreamPosition::Ahead>* entries : {&a.ahead(), &b.ahead()}) {
      for (const StreamPosition::Ahead& entry : *entries) {
        if (std::ranges::find(ahead, entry.writer, &StreamPosition::Ahead::writer) == ahead.end()) {
          ahead.push_back({entry.writer, std::max(a.of(entry.writer), b.of(entry.writer))});
        }
      }
    }
    result.set(stream, StreamPosition{std::max(a.minimum(), b.minimum()), std::move(ahead)});
  }
  return result;
}

Token Token::limited_to(const Token& present, bool& cut) const {
  Token result;
  for (std::size_t i = 1; i < kStreamNumbers; ++i) {
    const auto stream = static_cast<StreamNumber>(i);
    const std::int64_t highest = present.at(stream).maximum();
    const std::int64_t minimum = std::min(minima_[i], highest);
    cut = cut || minimum != minima_[i];
    std::vector<StreamPosition::Ahead> ahead;
    for (const Entry& entry : ahead_) {
      if (entry.stream == stream) {
        ahead.push_back({entry.ahead.writer, std::min(entry.ahead.position, highest)});
        cut = cut || entry.ahead.position > highest;
      }
    }
    result.set(stream, StreamPosition{minimum, std::move(ahead)});
  }
  return result;
}

}  // namespace lares::stream
