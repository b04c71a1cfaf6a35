// SPDX-License-Identifier: Apache-2.0
#include "user_rules.hpp"

#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace lares::push_rules {

namespace {

constexpr std::size_t kCacheBytes = 64U * 1024 * 1024;
constexpr std::size_t kLookedUpAtOnce = 10'000;

constexpr storage::LookupMany kFind{.select = "rules, position, writer",
                                    .from = "push_rulesets",
                                    .keys = {{{"owner", storage::ColumnType::Integer}}}};

std::size_t weigh(std::int64_t, const UserRulesPtr& rules) {
  return rules ? rules->compiled.memory_bytes() * 2 + sizeof(UserRules) : 64;
}

}  // namespace

UserRulesCache::UserRulesCache(TaskGroup& loads, storage::Database& database, storage::Interner& interner,
                               const std::string& server_name)
    : database_(database),
      interner_(interner),
      cache_(loads, {.name = "push_rules", .server_name = server_name, .max_size = kCacheBytes}, &weigh) {}

Task<UserRulesPtr> UserRulesCache::rules(std::int64_t user) {
  if (std::optional<UserRulesPtr> known = cache_.peek(user)) {
    co_return std::move(*known);
  }
  co_return co_await cache_.get(user, [this](std::int64_t wanted) { return rules_now(wanted); });
}

Task<UserRulesPtr> UserRulesCache::rules_now(std::int64_t user) {
  auto one = std::make_shared<const std::vector<std::int64_t>>(1, user);
  auto found = co_await changed_among(std::move(one));
  co_return found.empty() ? nullptr : std::move(found.front().second);
}

Task<std::vector<std::pair<std::int64_t, UserRulesPtr>>> UserRulesCache::changed_among(
    std::shared_ptr<const std::vector<std::int64_t>> users) {
  std::vector<Found> found;
  for (std::size_t at = 0; at < users->size(); at += kLookedUpAtOnce) {
    const std::span<const std::int64_t> page =
        std::span{*users}.subspan(at, std::min(kLookedUpAtOnce, users->size() - at));
    std::vector<Found> more = co_await database_.read("push_rules", [page](storage::ReadTransaction& tx) {
      std::vector<Found> rows;
      tx.lookup_many(
          kFind, page, [](std::int64_t user) { return user; },
          [&rows, page](std::size_t index, const storage::Row& row) {
            rows.push_back(
                {page[index], row.bytes_copy(0), row.i64(1), static_cast<stream::WriterNumber>(row.i64(2))});
          });
      return rows;
    });
    std::ranges::move(more, std::back_inserter(found));
  }
  co_return co_await make(std::move(found));
}

Task<std::vector<std::pair<std::int64_t, UserRulesPtr>>> UserRulesCache::make(std::vector<Found> found) {
  std::vector<std::pair<std::int64_t, UserRulesPtr>> result;
  if (found.empty()) {
    co_return result;
  }
  std::ranges::sort(found, {}, &Found::user);
  std::vector<std::int64_t> numbers;
  for (const Found& one : found) {
    numbers.push_back(one.user);
  }
  const std::vector<storage::InternText> ids =
      co_await interner_.texts(storage::InternKind::User, std::move(numbers));
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::optional<matrix::PushRuleset> set = matrix::PushRuleset::parse(found[i].text);
    if (!set) {
      throw storage::Corrupt{fmt::format("The push rules of {} cannot be read.", ids[i].first)};
    }
    result.emplace_back(found[i].user, std::make_shared<const UserRules>(std::move(*set), ids[i].first,
                                                                         found[i].position, found[i].writer));
  }
  co_return result;
}

}  // namespace lares::push_rules
