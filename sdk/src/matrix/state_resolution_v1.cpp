// SPDX-License-Identifier: Apache-2.0
// State resolution of room version 1.
#include "state_resolution_data.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace lares::matrix {

namespace {

using Digest = std::array<unsigned char, SHA_DIGEST_LENGTH>;

Digest sha1(std::string_view text) {
  Digest digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

ResolutionPass pass_of(const Event& event) {
  if (event.type() == "m.room.power_levels") {
    return ResolutionPass::kPowerLevels;
  }
  if (event.type() == "m.room.join_rules") {
    return ResolutionPass::kJoinRules;
  }
  return event.type() == "m.room.member" ? ResolutionPass::kMembers : ResolutionPass::kRest;
}

}  // namespace

bool Resolution::Data::v1_sort() {
  // One task for each key, those of a type together.
  std::map<std::pair<ResolutionPass, std::uint64_t>, std::vector<std::uint32_t>> by_key;
  std::vector<Digest> digests;
  digests.reserve(events.size());
  for (std::uint32_t at = 0; at < events.size(); ++at) {
    digests.push_back(sha1(events[at].event->event_id()));
    by_key[{pass_of(*events[at].event), events[at].key}].push_back(at);
  }
  for (auto& [place, order] : by_key) {
    // Ascending depth, descending digest of the id.
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
      return std::tuple{events[a].event->depth(), digests[b]} <
             std::tuple{events[b].event->depth(), digests[a]};
    });
    if (place.first == ResolutionPass::kRest) {
      std::ranges::reverse(order);
    }
    tasks.push_back({place.first, std::move(order)});
  }
  cursor = 0;
  return true;
}

bool Resolution::Data::v1_try() {
  std::size_t first = cursor;
  while (first < tasks.size()) {
    // What is found for the keys of a type holds for those of the next type, not for each other, so that the
    // order of keys decides nothing. A type is done anew when something is missing in the midst of it.
    std::size_t last = first;
    while (last < tasks.size() && tasks[last].pass == tasks[first].pass) {
      ++last;
    }
    std::unordered_map<std::uint64_t, std::uint64_t> found;
    std::vector<ResolutionDecision> made;
    std::size_t checks = 0;
    for (std::size_t at = first; at < last; ++at) {
      const ResolutionTask& task = tasks[at];
      const bool rest = task.pass == ResolutionPass::kRest;
      const std::uint64_t key = events[task.order.front()].key;
      bool decided = false;
      partial.erase(key);
      for (std::size_t turn = 0; turn < task.order.size(); ++turn) {
        const ConflictedEvent& conflicted = events[task.order[turn]];
        ResolutionDecision& decision = made.emplace_back();
        decision.event = conflicted.number;
        decision.key = key;
        decision.pass = task.pass;
        if (decided) {
          decision.outcome = ResolutionOutcome::kNotTried;
          continue;
        }
        // The first of power levels, join rules and memberships stands without a check.
        std::optional<AuthVerdict> verdict{AuthVerdict{}};
        if (rest || turn > 0) {
          verdict = check(conflicted);
          ++checks;
        }
        if (!verdict) {
          partial.erase(key);
          return false;
        }
        if (*verdict) {
          found[key] = conflicted.number;
          if (rest) {
            decided = true;
          } else {
            partial[key] = conflicted.number;
          }
          continue;
        }
        decision.outcome = ResolutionOutcome::kRefused;
        decision.rule = verdict->error();
        decided = !rest;
        if (rest && turn + 1 == task.order.size() && reading == ResolutionReading::kAsDeployed) {
          // The last is the one of least depth.
          found[key] = conflicted.number;
        }
      }
      partial.erase(key);
    }
    partial.insert(found.begin(), found.end());
    decisions.insert(decisions.end(), made.begin(), made.end());
    first = last;
    cursor = first;
    budget -= std::min(budget, checks);
    if (budget == 0 && first < tasks.size()) {
      return false;
    }
  }
  return true;
}

}  // namespace lares::matrix
