// SPDX-License-Identifier: Apache-2.0
// Keeps invitations, new rooms and messages within bounds that the administrator sets. See README.md for the
// keys.
#include "counter.hpp"
#include "pattern.hpp"
#include "settings.hpp"

#include <lares/module/json.hpp>
#include <lares/module/module.hpp>

#include <sstream>
#include <string>
#include <string_view>

namespace invite_guard {
namespace {

using namespace lares::module;

std::string_view server_of(std::string_view user) {
  const auto colon = user.find(':');
  return colon == std::string_view::npos ? std::string_view{} : user.substr(colon + 1);
}

class InviteGuard {
 public:
  InviteGuard(Host host, const Create& create)
      : host_(host),
        settings_(read_settings(create.config())),
        invites_(settings_.invites),
        rooms_(settings_.rooms) {
    if (const auto state = create.saved_state(); state && state->version == kStateVersion) {
      restore(state->bytes);
    }
  }

  void check_event_for_spam(const Event& event, Answer answer) {
    if (settings_.denied_words.empty() || event.type != "m.room.message" || exempt(event.sender)) {
      answer.allow();
      return;
    }
    const auto content = Json::parse(event.content);
    if (!content) {
      // Deeper nested than it is read here, say: what cannot be looked into would be the way around the rule.
      answer.deny("The message cannot be checked for words that this server does not allow.");
      return;
    }
    // An edit brings its text a second time: clients show the new one.
    const Json* edited = content->find("m.new_content");
    if (says_denied_word(*content) || (edited != nullptr && says_denied_word(*edited))) {
      answer.deny("The message contains a word that this server does not allow.");
      return;
    }
    answer.allow();
  }

  void user_may_invite(const Invite& invite, Answer answer) {
    if (exempt(invite.inviter)) {
      answer.allow();
      return;
    }
    for (const auto user : {invite.inviter, invite.invitee}) {
      if (!welcome(server_of(user))) {
        answer.deny("Invitations from or to this server are not allowed here.");
        return;
      }
    }
    if (!invites_.take(invite.inviter, host_.now_ms())) {
      answer.deny("You have sent too many invitations. Try again later.", "M_LIMIT_EXCEEDED");
      return;
    }
    answer.allow();
  }

  void user_may_create_room(const CreateRoom& room, Answer answer) {
    if (exempt(room.user_id) || rooms_.take(room.user_id, host_.now_ms())) {
      answer.allow();
    } else {
      answer.deny("You have created too many rooms. Try again later.", "M_LIMIT_EXCEEDED");
    }
  }

  State save() const {
    // A line for each open window: kind, end, count, user.
    std::ostringstream lines;
    for (const auto& [user, window] : invites_.windows()) {
      lines << "i " << window.ends_ms << ' ' << window.count << ' ' << user << '\n';
    }
    for (const auto& [user, window] : rooms_.windows()) {
      lines << "r " << window.ends_ms << ' ' << window.count << ' ' << user << '\n';
    }
    return {kStateVersion, lines.str()};
  }

 private:
  static constexpr std::uint64_t kStateVersion = 1;

  bool says_denied_word(const Json& content) const {
    for (const char* key : {"body", "formatted_body"}) {
      const Json* text = content.find(key);
      if (text != nullptr && text->string() != nullptr &&
          contains_word(settings_.denied_words, *text->string())) {
        return true;
      }
    }
    return false;
  }
  bool exempt(std::string_view user) const { return matches_any(settings_.exempt_users, user); }
  bool welcome(std::string_view server) const {
    return !matches_any(settings_.denied_servers, server) &&
           (settings_.allowed_servers.empty() || matches_any(settings_.allowed_servers, server));
  }

  void restore(const std::string& bytes) {
    std::istringstream lines(bytes);
    std::string kind;
    Counter::Window window;
    std::string user;
    while (lines >> kind >> window.ends_ms >> window.count >> user) {
      (kind == "i" ? invites_ : rooms_).restore(user, window);
    }
  }

  Host host_;
  Settings settings_;
  Counter invites_;
  Counter rooms_;
};

}  // namespace
}  // namespace invite_guard

LARES_MODULE(invite_guard::InviteGuard, "invite_guard", "1.0", LARES_MODULE_SERIAL | LARES_MODULE_MAY_CLOSE)
