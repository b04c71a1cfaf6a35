// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/server_acl.hpp>
#include <lares/matrix/third_party_id.hpp>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "glob.hpp"

namespace lares::matrix {

namespace {

/// Entries of one list: names without wildcards are looked up, the others are tried one by one.
struct AclList {
  std::unordered_set<std::string, IdentifierHash, IdentifierEqual> names;
  std::vector<Glob> globs;
  bool everything = false;

  explicit AclList(const json::Value& list) {
    for (const json::Value& entry : list.elements()) {
      const auto text = entry.to_string();
      if (!text || text->size() > kMaxIdentifierBytes) {
        continue;
      }
      std::string folded = fold_case(*text);
      if (folded.find_first_not_of('*') == std::string::npos && !folded.empty()) {
        everything = true;
      } else if (folded.find_first_of("*?") == std::string::npos) {
        names.insert(std::move(folded));
      } else {
        globs.emplace_back(folded);
      }
    }
  }

  [[nodiscard]] bool has(const std::string& host) const {
    return everything || names.contains(host) ||
           std::ranges::any_of(globs, [&host](const Glob& glob) { return glob.matches(host); });
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = sizeof(AclList);
    for (const std::string& name : names) {
      bytes += name.capacity() + 48;
    }
    for (const Glob& glob : globs) {
      bytes += sizeof(Glob) + glob.memory_bytes();
    }
    return bytes;
  }
};

}  // namespace

struct ServerAcl::State {
  AclList allow;
  AclList deny;
  bool ip_literals;
};

ServerAcl::ServerAcl(const json::Value& content)
    : state_(std::make_unique<State>(AclList{content["allow"]}, AclList{content["deny"]},
                                     content["allow_ip_literals"].as_bool().value_or(true))) {}

ServerAcl::~ServerAcl() = default;
ServerAcl::ServerAcl(ServerAcl&&) noexcept = default;
ServerAcl& ServerAcl::operator=(ServerAcl&&) noexcept = default;

bool ServerAcl::allows(std::string_view server) const {
  const auto name = ServerName::parse(server);
  if (!name) {
    return false;
  }
  if (!state_->ip_literals && name->is_ip_literal()) {
    return false;
  }
  const std::string host = fold_case(name->host());
  return !state_->deny.has(host) && state_->allow.has(host);
}

std::size_t ServerAcl::memory_bytes() const noexcept {
  return sizeof(State) + state_->allow.memory_bytes() + state_->deny.memory_bytes();
}

}  // namespace lares::matrix
