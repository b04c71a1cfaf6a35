// SPDX-License-Identifier: Apache-2.0
#include "rules_stream.hpp"

#include <lares/storage/transaction.hpp>

#include <utility>
#include <vector>

#include "change.hpp"

namespace lares::push_rules {

using storage::InternKind;

namespace {

constexpr storage::Statement kUpdates{
    "SELECT owner, position FROM push_rulesets WHERE position > $1 AND position <= $2 AND writer = $3 "
    "ORDER BY position LIMIT $4"};

}  // namespace

Task<void> RulesStream::apply(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& row : rows) {
    const std::string user_id = user_of_row(row.json);
    const std::optional<std::int64_t> user = co_await interner_.lookup_user(user_id);
    if (user) {
      rules_.invalidate(*user);
      co_await audiences_.rules_changed(*user);
    }
  }
}

void RulesStream::wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& row : rows) {
    const std::string user_id = user_of_row(row.json);
    if (const auto user = interner_.cached(InternKind::User, {user_id})) {
      notifier_.users({&*user, 1}, stream::StreamNumber::kPushRules, writer, row.position);
    }
  }
}

Task<stream::Updates> RulesStream::updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                           std::size_t limit) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> found =
      co_await database_.read("push_rules_updates", [writer, from, to, limit](storage::ReadTransaction& tx) {
        std::vector<std::pair<std::int64_t, std::int64_t>> rows;
        tx.each(kUpdates, from, to, static_cast<std::int64_t>(writer), static_cast<std::int64_t>(limit),
                [&rows](const storage::Row& row) { rows.emplace_back(row.i64(0), row.i64(1)); });
        return rows;
      });
  std::vector<std::int64_t> users;
  for (const auto& [user, position] : found) {
    users.push_back(user);
  }
  const std::vector<storage::InternText> ids = co_await interner_.texts(InternKind::User, std::move(users));
  stream::Updates updates;
  for (std::size_t i = 0; i < found.size(); ++i) {
    updates.rows.push_back({found[i].second, row_of(ids[i].first)});
  }
  updates.limited = found.size() == limit;
  updates.upto = updates.limited ? found.back().second : to;
  co_return updates;
}

}  // namespace lares::push_rules
