// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// The kinds of push rules, in the order in which they are asked.
///
/// spec: Client-Server API, "Push Rules"
enum class PushRuleKind : std::uint8_t { kOverride, kContent, kRoom, kSender, kUnderride };

inline constexpr std::size_t kPushRuleKinds = 5;

/// "override", "content" ...
[[nodiscard]] LARES_EXPORT std::string_view push_rule_kind_name(PushRuleKind kind) noexcept;
[[nodiscard]] LARES_EXPORT std::optional<PushRuleKind> push_rule_kind(std::string_view name) noexcept;

/// Most rules of its own that a user may have.
inline constexpr std::size_t kMaxPushRules = 1000;
/// Largest conditions and actions of one rule together, and largest pattern, in bytes.
inline constexpr std::size_t kMaxPushRuleBytes = 8192;
inline constexpr std::size_t kMaxPushPatternBytes = 512;
/// Most conditions, and most actions, of one rule.
inline constexpr std::size_t kMaxPushConditions = 32;
/// Largest set of one user's own rules, as PushRuleset::text gives it, in bytes.
inline constexpr std::size_t kMaxPushRulesetBytes = 256U * 1024U;

/// Which rules every user has without having made them.
enum class PredefinedPushRules : std::uint8_t {
  kCurrent,             ///< those of the specification from 1.17 on
  kWithLegacyMentions,  ///< also those that look for names in the text of messages without `m.mentions`
};

/// One rule.
struct PushRule {
  std::string rule_id;
  bool enabled = true;
  bool predefined = false;
  std::string pattern;            ///< of a content rule
  std::string conditions = "[]";  ///< JSON array; of override and underride rules
  std::string actions = "[]";     ///< JSON array
};

/// Why a rule was not taken.
enum class PushRuleError : std::uint8_t {
  kBadRule,       ///< `reason` of the sentence says what is wrong with it
  kTooMany,       ///< kMaxPushRules or kMaxPushRulesetBytes
  kNoSuchAnchor,  ///< the rule that `before` or `after` names is not there
  kNoSuchRule,    ///< neither the user's own nor predefined
};

/// A refusal with an English sentence for the client.
struct PushRuleRefusal {
  PushRuleError error{};
  std::string sentence;
};

/// Reads the body of a PUT as a rule: checks types, lengths and counts. Conditions of unknown kinds are kept,
/// since they are asked for and match nothing, and so are historical actions (`dont_notify`, `coalesce`),
/// which do nothing.
///
/// `body` is JSON that was scanned.
[[nodiscard]] LARES_EXPORT std::expected<PushRule, PushRuleRefusal> read_push_rule(PushRuleKind kind,
                                                                                   std::string_view rule_id,
                                                                                   std::string_view body);

/// Reads an array of actions as a client sets it.
[[nodiscard]] LARES_EXPORT std::expected<std::string, PushRuleRefusal> read_push_actions(
    std::string_view array);

/// The rules of one user: what the user made, in order, and what the user changed of the predefined ones.
///
/// A plain value; finding and changing a rule walks over those of its kind.
///
/// spec: Client-Server API, "Push Rules", "Predefined Rules", "Push Rules: API"
class LARES_EXPORT PushRuleset {
 public:
  /// The predefined rules as they are.
  explicit PushRuleset(PredefinedPushRules predefined = PredefinedPushRules::kCurrent)
      : predefined_(predefined) {}

  /// Takes up what `text` gave; nothing if it is something else. Bounded by kMaxPushRulesetBytes.
  [[nodiscard]] static std::optional<PushRuleset> parse(
      std::string_view text, PredefinedPushRules predefined = PredefinedPushRules::kCurrent);
  /// For the store: what the user made and changed, and nothing of what is predefined.
  [[nodiscard]] std::string text() const;

  /// The user has made and changed nothing.
  [[nodiscard]] bool untouched() const noexcept;
  /// Rules that the user made.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] const std::vector<PushRule>& own(PushRuleKind kind) const noexcept {
    return own_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] PredefinedPushRules predefined() const noexcept { return predefined_; }

  /// A rule, predefined ones included, `user_id` filled in where their conditions name the user.
  [[nodiscard]] std::optional<PushRule> find(PushRuleKind kind, std::string_view rule_id,
                                             std::string_view user_id) const;

  /// Adds a rule, or changes the one of that id: directly before (more important) or after one that the user
  /// made, else a new one as the first of its kind and a changed one where it is.
  [[nodiscard]] std::expected<void, PushRuleRefusal> put(PushRuleKind kind, PushRule rule,
                                                         std::string_view before = {},
                                                         std::string_view after = {});
  /// False if there was no such rule of the user's own.
  bool remove(PushRuleKind kind, std::string_view rule_id);
  /// False if there is no such rule, own or predefined.
  bool set_enabled(PushRuleKind kind, std::string_view rule_id, bool enabled);
  /// `actions` as read_push_actions gives them.
  [[nodiscard]] std::expected<void, PushRuleRefusal> set_actions(PushRuleKind kind, std::string_view rule_id,
                                                                 std::string actions);

  /// Appends `{"global":{...}}`: the content of `m.push_rules`.
  void append_json(std::string& out, std::string_view user_id) const;
  /// Appends the object under "global".
  void append_global(std::string& out, std::string_view user_id) const;
  /// Appends the array of one kind.
  void append_kind(std::string& out, PushRuleKind kind, std::string_view user_id) const;
  /// Appends one rule.
  static void append_rule(std::string& out, PushRuleKind kind, const PushRule& rule);

 private:
  friend class PushRules;

  struct Change {
    std::optional<bool> enabled;
    std::optional<std::string> actions;
  };

  [[nodiscard]] std::size_t bytes() const;

  PredefinedPushRules predefined_;
  std::array<std::vector<PushRule>, kPushRuleKinds> own_;
  std::map<std::string, Change, std::less<>> changes_;  // of predefined rules
};

}  // namespace lares::matrix
