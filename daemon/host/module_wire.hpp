// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/module/draft/spam_checker.h>
#include <lares/module/host.h>
#include <lares/module/module.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What the host and a module in a process of its own say to each other over a pipe. A frame is a 32-bit
/// length and so many bytes: a kind, then its fields; numbers little-endian, texts with a 32-bit length, ~0
/// for an absent one.
///
/// A deadline is a time of CLOCK_MONOTONIC in nanoseconds: how long a frame has waited in the pipe counts.
/// Both ends are of one build, so the frames have no versions. Neither end trusts the other's lengths.
namespace lares::host::wire {

inline constexpr std::size_t kMaxFrame = 32u << 20;
inline constexpr std::size_t kLengthBytes = 4;

enum class Kind : std::uint8_t {
  // from the host
  Create = 1,  ///< generation, server name, instance name, config, saved state and its version
  Ask = 2,     ///< completion, deadline, hook, the question's fields
  Cancel = 3,  ///< completion
  Save = 4,    ///< completion, deadline
  Stop = 5,    ///< completion, deadline
  // from the module
  Created = 101,  ///< status, message, bits of the hooks it offers
  Answer = 102,   ///< completion, status, message, verdict
  Saved = 103,    ///< completion, status, message, state and its version
  Log = 104,      ///< level, text
  Done = 105,     ///< completion, status, message: of stop
};

/// Builds a frame.
class Writer {
 public:
  explicit Writer(Kind kind);
  Writer& number(std::uint64_t value);
  Writer& text(lares_text_view value);
  Writer& text(std::string_view value) { return text(lares_text_view{value.data(), value.size()}); }
  Writer& completion(lares_completion value);
  /// The frame with its length in front.
  [[nodiscard]] std::string finish() &&;

 private:
  std::string bytes_;
};

/// Reads the fields of a frame in their order. After anything is wrong every further field is zero or absent,
/// and ok() is false.
/// **Lifetime**: texts are parts of the frame.
class Reader {
 public:
  explicit Reader(std::string_view payload);
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  std::uint64_t number();
  lares_text_view text();
  lares_completion completion();
  /// Everything was there, and nothing is left over.
  [[nodiscard]] bool ok() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  Kind kind_{};
  bool ok_ = true;
};

using Question = std::variant<lares_event_view, lares_invite_view, lares_join_view, lares_create_room_view>;

void write_question(Writer& writer, const Question& question);
/// Nothing if there is no such hook.
[[nodiscard]] std::optional<Question> read_question(Reader& reader);

void write_verdict(Writer& writer, const lares_spam_verdict_view& verdict);
[[nodiscard]] lares_spam_verdict_view read_verdict(Reader& reader);

}  // namespace lares::host::wire
