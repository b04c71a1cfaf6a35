// SPDX-License-Identifier: Apache-2.0
#include <host/module_question.hpp>

#include <lares/json/scanner.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lares::host {
namespace {

constexpr std::size_t kMaxErrcode = 64;
constexpr std::size_t kMaxMessage = 1024;
constexpr std::size_t kMaxExtraFields = 16 * 1024;

bool is_errcode(std::string_view text) {
  return !text.empty() && text.size() <= kMaxErrcode && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

}  // namespace

ModuleAnswer take_verdict(const lares_spam_verdict_view* verdict) {
  if (verdict == nullptr || !LARES_HAS_FIELD(verdict, lares_spam_verdict_view, decision)) {
    return {.status = LARES_INVALID, .message = "it answered without a verdict"};
  }
  if (verdict->decision == LARES_SPAM_ALLOW) {
    return {};
  }
  if (verdict->decision != LARES_SPAM_DENY) {
    return {.status = LARES_INVALID, .message = "it answered with a decision that does not exist"};
  }
  ModuleAnswer answer;
  answer.verdict = {.allowed = false, .errcode = "M_FORBIDDEN", .message = "This server does not allow it."};
  if (LARES_HAS_FIELD(verdict, lares_spam_verdict_view, errcode) && is_errcode(text_of(verdict->errcode))) {
    answer.verdict.errcode = text_of(verdict->errcode);
  }
  if (LARES_HAS_FIELD(verdict, lares_spam_verdict_view, message)) {
    const auto text = text_of(verdict->message).substr(0, kMaxMessage);
    if (const auto valid = text.substr(0, json::valid_utf8_prefix(text)); !valid.empty()) {
      answer.verdict.message = valid;
    }
  }
  if (LARES_HAS_FIELD(verdict, lares_spam_verdict_view, extra_fields)) {
    const auto text = text_of(verdict->extra_fields);
    if (!text.empty() && text.size() <= kMaxExtraFields) {
      const auto parsed = nlohmann::json::parse(text, nullptr, false);
      if (parsed.is_object()) {
        answer.verdict.extra_fields = text;
      }
    }
  }
  return answer;
}

}  // namespace lares::host
