// SPDX-License-Identifier: Apache-2.0
#include "glob.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace lares::matrix {

namespace {

constexpr std::size_t kBits = 64;
constexpr std::size_t kMaxWords = Glob::kMaxBytes / kBits;

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool continues(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// The second half of a character is no boundary, nor is the place before it.
bool boundary_before(std::string_view text, std::size_t at) noexcept {
  return at == 0 || (!is_word(text[at - 1]) && (at == text.size() || !continues(text[at])));
}

bool boundary_after(std::string_view text, std::size_t at) noexcept {
  return at == text.size() || (!is_word(text[at]) && !continues(text[at]));
}

void set_bit(std::vector<std::uint64_t>& words, std::size_t bit) {
  words[bit / kBits] |= std::uint64_t{1} << (bit % kBits);
}

bool has_bit(const std::vector<std::uint64_t>& words, std::size_t bit) {
  return (words[bit / kBits] >> (bit % kBits) & 1U) != 0;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  if (pattern.size() > kMaxBytes) {
    never_ = true;
    return;
  }
  for (const char c : pattern) {
    if (c != '*') {
      add(c, c == '?');
      continue;
    }
    plain_ = false;
    open_end_ = true;
    if (characters_.empty()) {
      open_start_ = true;
    } else {
      set_bit(loops_, characters_.size() - 1);
    }
  }
  finish();
}

Glob Glob::literal(std::string_view text) {
  Glob glob;
  if (text.size() > kMaxBytes) {
    glob.never_ = true;
    return glob;
  }
  for (const char c : text) {
    glob.add(c, false);
  }
  glob.finish();
  return glob;
}

void Glob::add(char character, bool wild) {
  open_end_ = false;
  if (characters_.size() % kBits == 0) {
    wild_.push_back(0);
    loops_.push_back(0);
  }
  if (wild) {
    plain_ = false;
    set_bit(wild_, characters_.size());
  }
  characters_ += character;
}

void Glob::finish() {
  std::size_t start = 0;
  std::size_t best = 0;
  std::size_t best_length = 0;
  for (std::size_t i = 0; i < characters_.size(); ++i) {
    if (has_bit(wild_, i)) {
      start = i + 1;
      continue;
    }
    if (i + 1 - start > best_length) {
      best = start;
      best_length = i + 1 - start;
    }
    if (has_bit(loops_, i)) {
      start = i + 1;
    }
  }
  run_ = characters_.substr(best, best_length);
}

bool Glob::matches(std::string_view text) const {
  if (never_) {
    return false;
  }
  if (plain_) {
    return text == characters_;
  }
  return text.find(run_) != std::string_view::npos && run(text, false);
}

bool Glob::matches_words(std::string_view text) const {
  if (never_ || (!run_.empty() && memmem(text.data(), text.size(), run_.data(), run_.size()) == nullptr)) {
    return false;
  }
  // A text without repetitions in itself is found faster by looking for it; the automaton is for the rest.
  return plain_ && characters_.size() <= 32 ? plain_words(text) : run(text, true);
}

bool Glob::plain_words(std::string_view text) const {
  for (std::size_t at = 0; at <= text.size();) {
    at = text.find(characters_, at);
    if (at == std::string_view::npos) {
      return false;
    }
    if (boundary_before(text, at) && boundary_after(text, at + characters_.size())) {
      return true;
    }
    ++at;
  }
  return false;
}

bool Glob::run(std::string_view text, bool words) const {
  const std::size_t length = characters_.size();
  if (length == 0) {
    if (open_start_) {
      return true;
    }
    if (!words) {
      return text.empty();
    }
    for (std::size_t at = 0; at <= text.size(); ++at) {
      if (boundary_before(text, at) && boundary_after(text, at)) {
        return true;
      }
    }
    return false;
  }
  const std::size_t count = (length + kBits - 1) / kBits;
  // For each byte the places of the pattern where it may stand. A `?` takes the first byte of a character,
  // and keeps its place while the others follow.
  std::array<std::uint64_t, 256 * kMaxWords> accepts;
  std::memset(accepts.data(), 0, 256 * count * sizeof(std::uint64_t));
  for (std::size_t i = 0; i < length; ++i) {
    if (!has_bit(wild_, i)) {
      accepts[static_cast<unsigned char>(characters_[i]) * count + i / kBits] |= std::uint64_t{1}
                                                                                 << (i % kBits);
    }
  }
  for (std::size_t c = 0; c < 256; ++c) {
    if (!continues(static_cast<char>(c))) {
      for (std::size_t w = 0; w < count; ++w) {
        accepts[c * count + w] |= wild_[w];
      }
    }
  }
  std::array<std::uint64_t, kMaxWords> state{};
  const std::size_t last_word = (length - 1) / kBits;
  const std::uint64_t last_bit = std::uint64_t{1} << ((length - 1) % kBits);
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool may_start = open_start_ || (words ? boundary_before(text, at) : at == 0);
    std::uint64_t carry = may_start ? 1 : 0;
    const std::uint64_t* accepted = &accepts[static_cast<unsigned char>(c) * count];
    for (std::size_t w = 0; w < count; ++w) {
      const std::uint64_t before = state[w];
      const std::uint64_t stay = loops_[w] | (continues(c) ? wild_[w] : 0);
      state[w] = (((before << 1U) | carry) & accepted[w]) | (before & stay);
      carry = before >> (kBits - 1);
    }
    if ((state[last_word] & last_bit) != 0) {
      if (open_end_ || at + 1 == text.size() || (words && boundary_after(text, at + 1))) {
        // Within a character that `?` has begun, the match is not over.
        if (open_end_ || at + 1 == text.size() || !continues(text[at + 1])) {
          return true;
        }
      }
    }
  }
  return false;
}

}  // namespace lares::matrix
