// SPDX-License-Identifier: Apache-2.0
#include "push_predefined.hpp"

#include <array>

namespace lares::matrix {

namespace {

constexpr std::string_view kNothing = "[]";
constexpr std::string_view kNotify = R"(["notify"])";
constexpr std::string_view kNotifySound = R"(["notify",{"set_tweak":"sound","value":"default"}])";
constexpr std::string_view kNotifyRing = R"(["notify",{"set_tweak":"sound","value":"ring"}])";
constexpr std::string_view kNotifyHighlight = R"(["notify",{"set_tweak":"highlight"}])";
constexpr std::string_view kNotifySoundHighlight =
    R"(["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight"}])";

using enum PushRuleKind;

// spec: Client-Server API, "Predefined Rules"; those marked as legacy stood there until 1.16.
constexpr std::array kRules{
    PredefinedPushRule{kOverride, ".m.rule.master", false, false, "[]", "", kNothing},
    PredefinedPushRule{kOverride, ".m.rule.suppress_notices", true, false,
                       R"([{"key":"content.msgtype","kind":"event_match","pattern":"m.notice"}])", "",
                       kNothing},
    PredefinedPushRule{kOverride, ".m.rule.invite_for_me", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.room.member"},)"
                       R"({"key":"content.membership","kind":"event_match","pattern":"invite"},)"
                       R"({"key":"state_key","kind":"event_match","pattern":"{user_id}"}])",
                       "", kNotifySound},
    PredefinedPushRule{kOverride, ".m.rule.member_event", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.room.member"}])", "", kNothing},
    PredefinedPushRule{
        kOverride, ".m.rule.is_user_mention", true, false,
        R"([{"key":"content.m\\.mentions.user_ids","kind":"event_property_contains","value":"{user_id}"}])",
        "", kNotifySoundHighlight},
    PredefinedPushRule{kOverride, ".m.rule.contains_display_name", true, true,
                       R"([{"kind":"contains_display_name"}])", "", kNotifySoundHighlight},
    PredefinedPushRule{kOverride, ".m.rule.is_room_mention", true, false,
                       R"([{"key":"content.m\\.mentions.room","kind":"event_property_is","value":true},)"
                       R"({"key":"room","kind":"sender_notification_permission"}])",
                       "", kNotifyHighlight},
    PredefinedPushRule{kOverride, ".m.rule.roomnotif", true, true,
                       R"([{"key":"content.body","kind":"event_match","pattern":"@room"},)"
                       R"({"key":"room","kind":"sender_notification_permission"}])",
                       "", kNotifyHighlight},
    PredefinedPushRule{kOverride, ".m.rule.tombstone", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.room.tombstone"},)"
                       R"({"key":"state_key","kind":"event_match","pattern":""}])",
                       "", kNotifyHighlight},
    PredefinedPushRule{kOverride, ".m.rule.reaction", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.reaction"}])", "", kNothing},
    PredefinedPushRule{kOverride, ".m.rule.room.server_acl", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.room.server_acl"},)"
                       R"({"key":"state_key","kind":"event_match","pattern":""}])",
                       "", kNothing},
    PredefinedPushRule{
        kOverride, ".m.rule.suppress_edits", true, false,
        R"([{"key":"content.m\\.relates_to.rel_type","kind":"event_property_is","value":"m.replace"}])", "",
        kNothing},
    PredefinedPushRule{kContent, ".m.rule.contains_user_name", true, true, "", kLocalpartPlaceholder,
                       kNotifySoundHighlight},
    PredefinedPushRule{kUnderride, ".m.rule.call", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.call.invite"}])", "", kNotifyRing},
    PredefinedPushRule{kUnderride, ".m.rule.encrypted_room_one_to_one", true, false,
                       R"([{"is":"2","kind":"room_member_count"},)"
                       R"({"key":"type","kind":"event_match","pattern":"m.room.encrypted"}])",
                       "", kNotifySound},
    PredefinedPushRule{kUnderride, ".m.rule.room_one_to_one", true, false,
                       R"([{"is":"2","kind":"room_member_count"},)"
                       R"({"key":"type","kind":"event_match","pattern":"m.room.message"}])",
                       "", kNotifySound},
    PredefinedPushRule{kUnderride, ".m.rule.message", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.room.message"}])", "", kNotify},
    PredefinedPushRule{kUnderride, ".m.rule.encrypted", true, false,
                       R"([{"key":"type","kind":"event_match","pattern":"m.room.encrypted"}])", "", kNotify},
};

}  // namespace

std::span<const PredefinedPushRule> predefined_push_rules() noexcept {
  return kRules;
}

}  // namespace lares::matrix
