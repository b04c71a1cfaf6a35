// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>

#include "change.hpp"
#include "user_rules.hpp"

namespace lares::push_rules {

/// What the endpoints share.
struct Shared {
  Server& server;
  UserRulesCache& rules;
  Writer& writer;
};

/// GET /pushrules/ and below, PUT and DELETE of a rule, its `enabled` and its `actions`.
void add_endpoints(Shared& shared);

}  // namespace lares::push_rules
