// SPDX-License-Identifier: Apache-2.0
#include "log_redact.hpp"

#include <lares/base/log.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace lares::log {

namespace {

constexpr std::string_view kMark = "<redacted>";

/// Names whose value is a secret, in query strings, forms and JSON.
constexpr std::array<std::string_view, 8> kSecretNames{
    "access_token", "client_secret", "refresh_token",       "login_token",
    "hs_token",     "as_token",      "registration_secret", "shared_secret"};
/// What tokens begin with: ours, Synapse's, and those of the Matrix Authentication Service.
constexpr std::array<std::string_view, 10> kTokenPrefixes{"lst_", "lrt_", "llt_", "lgt_", "syt_",
                                                          "syr_", "syl_", "mat_", "mct_", "mcr_"};
constexpr std::size_t kPrefixSize = 4;
static_assert(std::ranges::all_of(kTokenPrefixes,
                                  [](std::string_view prefix) { return prefix.size() == kPrefixSize; }));
/// Shorter than any token, and longer than a word that happens to begin so.
constexpr std::size_t kShortestToken = 12;

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Characters of tokens in any of the forms above.
bool is_token(char c) noexcept {
  return is_word(c) || c == '-' || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}

bool ends_value(char c) noexcept {
  return c == '&' || c == '#' || c == '"' || c == '\'' || c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
         c == '<' || c == ';' || c == ',' || c == ')' || c == '}';
}

std::size_t skip(std::string_view text, std::size_t at, std::string_view characters) noexcept {
  while (at < text.size() && characters.find(text[at]) != std::string_view::npos) {
    ++at;
  }
  return at;
}

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The value that follows a name ending at `at`: `=value`, `": "value"`, `%3Dvalue`; empty when none does.
Range value_after(std::string_view text, std::size_t at) noexcept {
  std::size_t begin = at;
  if (text.substr(at).starts_with("%3D") || text.substr(at).starts_with("%3d")) {
    begin = at + 3;
  } else if (at < text.size() && text[at] == '=') {
    begin = skip(text, at + 1, "\"'");
  } else {
    const std::size_t colon = skip(text, at, "\"'\\");
    if (colon >= text.size() || text[colon] != ':') {
      return {};
    }
    begin = skip(text, colon + 1, " \"'\\");
  }
  std::size_t end = begin;
  while (end < text.size() && !ends_value(text[end]) && text[end] != '\\') {
    ++end;
  }
  return {begin, end};
}

/// The secret that the underscore at `at` is a part of, or stands in the name of; empty when there is none.
Range secret_at_underscore(std::string_view text, std::size_t at) noexcept {
  std::size_t begin = at;
  while (begin > 0 && is_word(text[begin - 1])) {
    --begin;
  }
  // The digits of an escape belong to no word.
  if (begin > 0 && text[begin - 1] == '%' && at - begin > 2) {
    begin += 2;
  }
  std::size_t end = at + 1;
  while (end < text.size() && is_word(text[end])) {
    ++end;
  }
  const std::string_view word = text.substr(begin, end - begin);
  if (word.size() >= kPrefixSize && word[kPrefixSize - 1] == '_') {
    for (const std::string_view prefix : kTokenPrefixes) {
      // By characters: a comparison of texts would be ten calls.
      if (word[0] == prefix[0] && word[1] == prefix[1] && word[2] == prefix[2]) {
        std::size_t token_end = end;
        while (token_end < text.size() && is_token(text[token_end])) {
          ++token_end;
        }
        if (token_end - begin >= kShortestToken) {
          return {begin, token_end};
        }
      }
    }
  }
  if (std::ranges::find(kSecretNames, word) != kSecretNames.end()) {
    return value_after(text, end);
  }
  return {};
}

/// Whether `Bearer` may stand in the text. Nearly every text is searched in vain, and memmem prepares a table
/// for each search, which takes longer than this loop, of which the compiler makes vector instructions.
bool may_hold_bearer(std::string_view text) noexcept {
  constexpr std::size_t kSearched = 4;
  if (text.size() < kSearched) {
    return false;
  }
  const char* const at = text.data();
  const std::size_t ends = text.size() - kSearched + 1;
  unsigned char found = 0;
  for (std::size_t i = 0; i < ends; ++i) {
    found |= static_cast<unsigned char>(at[i] == 'e') & static_cast<unsigned char>(at[i + 1] == 'a') &
             static_cast<unsigned char>(at[i + 2] == 'r') & static_cast<unsigned char>(at[i + 3] == 'e');
  }
  return found != 0;
}

Range find_secret(std::string_view text, std::size_t from, bool bearer) noexcept {
  Range best{text.size(), text.size()};
  for (std::size_t at = text.find('_', from); at != std::string_view::npos; at = text.find('_', at + 1)) {
    const Range found = secret_at_underscore(text, at);
    if (found.begin < found.end && found.end > from) {
      best = found;
      break;
    }
  }
  if (!bearer) {
    return best;
  }
  constexpr std::string_view kBearer = "earer ";
  std::size_t at = from;
  while (const void* const hit = memmem(text.data() + at, best.begin - at, kBearer.data(), kBearer.size())) {
    const auto found = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
    const std::size_t begin = found + kBearer.size();
    std::size_t end = begin;
    while (end < text.size() && is_token(text[end])) {
      ++end;
    }
    const bool is_scheme = found > 0 && (text[found - 1] == 'B' || text[found - 1] == 'b') &&
                           (found == 1 || !is_word(text[found - 2]));
    if (is_scheme && end > begin) {
      return {begin, end};
    }
    at = begin;
  }
  return best;
}

}  // namespace

bool append_redacted(spdlog::memory_buf_t& out, std::string_view text) {
  const bool bearer = may_hold_bearer(text);
  std::size_t from = 0;
  bool any = false;
  while (from < text.size()) {
    const Range secret = find_secret(text, from, bearer);
    const std::size_t begin = std::max(secret.begin, from);
    out.append(text.data() + from, text.data() + begin);
    if (begin < text.size()) {
      out.append(kMark.data(), kMark.data() + kMark.size());
      any = true;
    }
    from = secret.end;
  }
  return any;
}

std::string redact(std::string_view text) {
  spdlog::memory_buf_t out;
  append_redacted(out, text);
  return {out.data(), out.size()};
}

}  // namespace lares::log
