// SPDX-License-Identifier: Apache-2.0
#include "account_capabilities.hpp"

#include <nlohmann/json.hpp>

#include "password_policy.hpp"

namespace lares::identity {

void AccountCapabilities::add_capabilities(nlohmann::json& capabilities) const {
  const ConfigPtr config = server_.config();
  const bool displayname = config->boolean("enable_set_displayname");
  const bool avatar_url = config->boolean("enable_set_avatar_url");
  nlohmann::json fields = {{"enabled", true}};
  if (!displayname) {
    fields["disallowed"].push_back("displayname");
  }
  if (!avatar_url) {
    fields["disallowed"].push_back("avatar_url");
  }
  capabilities["m.change_password"] = {{"enabled", password_use(*config).reproof}};
  capabilities["m.set_displayname"] = {{"enabled", displayname}};
  capabilities["m.set_avatar_url"] = {{"enabled", avatar_url}};
  capabilities["m.profile_fields"] = fields;
  capabilities["m.3pid_changes"] = {{"enabled", false}};
  capabilities["m.get_login_token"] = {{"enabled", false}};
}

}  // namespace lares::identity
