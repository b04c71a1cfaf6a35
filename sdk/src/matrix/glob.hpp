// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// A glob-style pattern (`*` any characters, `?` one character), made ready once.
///
/// The whole pattern is one automaton whose states are the bits of a few words, so that a match is one pass
/// over the text in a time that depends on the lengths alone. Most texts never come so far: the longest run
/// of plain characters has to be somewhere in them.
///
/// Pattern and texts are folded (`fold_case`) by the caller.
///
/// spec: Appendices, "Glob-style matching"
class Glob {
 public:
  static constexpr std::size_t kMaxBytes = 1024;

  /// Matches nothing when the pattern is longer than kMaxBytes.
  explicit Glob(std::string_view pattern);
  /// The text itself, `*` and `?` standing for themselves.
  [[nodiscard]] static Glob literal(std::string_view text);

  [[nodiscard]] bool matches(std::string_view text) const;
  /// Whether it matches a part of the text that begins and ends at a word boundary.
  ///
  /// spec: Client-Server API, "Conditions for push rules", `event_match`
  [[nodiscard]] bool matches_words(std::string_view text) const;

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return characters_.capacity() + wild_.capacity() * sizeof(std::uint64_t) * 2 + run_.capacity();
  }

 private:
  Glob() = default;
  [[nodiscard]] bool run(std::string_view text, bool words) const;
  [[nodiscard]] bool plain_words(std::string_view text) const;
  void add(char character, bool wild);
  void finish();

  std::string characters_;            // the pattern without `*`; what stands under a `?` says nothing
  std::vector<std::uint64_t> wild_;   // bits: this place is a `?`
  std::vector<std::uint64_t> loops_;  // bits: after this place there is a `*`
  std::string run_;                   // the longest run of plain characters
  bool open_start_ = false;           // begins with `*`
  bool open_end_ = false;
  bool plain_ = true;  // no wildcards at all
  bool never_ = false;
};

}  // namespace lares::matrix
