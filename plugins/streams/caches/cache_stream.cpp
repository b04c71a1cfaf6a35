// SPDX-License-Identifier: Apache-2.0
#include "cache_stream.hpp"

#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace lares::caches {

using storage::Bytes;
using storage::Migration;
using storage::MigrationKind;
using storage::OwnerKind;
using storage::Row;
using storage::Sql;
using storage::Statement;
using storage::Table;

namespace {

constexpr Statement kAdd{
    "INSERT INTO cache_invalidations (position, cache, entry, created_ts) VALUES ($1, $2, $3, $4)"};
constexpr Statement kBetween{
    "SELECT position, cache, entry FROM cache_invalidations WHERE position > $1 AND position <= $2 "
    "ORDER BY position LIMIT $3"};

// The row as it travels: the cache, its keys or null for all, and when.
std::string row_of(std::string_view cache, std::string_view key, std::int64_t now) {
  std::string out;
  json::Writer writer{out};
  writer.begin_array().value(cache);
  if (key.empty()) {
    writer.null();
  } else {
    writer.begin_array().value(key).end_array();
  }
  writer.value(now).end_array();
  return out;
}

}  // namespace

storage::Schema caches_schema() {
  return {
      .plugin = "caches",
      .migrations =
          {{.number = 1,
            .kind = MigrationKind::Expand,
            .summary = "Adds what has become stale in the caches of other processes.",
            .statements = {Sql{"CREATE TABLE cache_invalidations (position BIGINT PRIMARY KEY, cache "
                               "TEXT NOT NULL, entry {bytes} NOT NULL, created_ts BIGINT NOT NULL)"},
                           Sql{"CREATE INDEX cache_invalidations_created ON cache_invalidations "
                               "(created_ts)"}}}},
      .tables = {Table{.name = "cache_invalidations",
                       .key = {"position"},
                       .owners = {{.kind = OwnerKind::None}},
                       .bound = "one per change of an account or profile within a week",
                       .ends = "a week after `created_ts`",
                       .prune = Statement{
                           "DELETE FROM cache_invalidations WHERE position IN (SELECT position "
                           "FROM cache_invalidations WHERE created_ts < CAST($1 AS BIGINT) - 604800000 ORDER "
                           "BY created_ts LIMIT $2)"}}}};
}

CacheStreamImpl::CacheStreamImpl(Server& server, storage::Database& database, stream::Hub& hub)
    : server_(server),
      database_(database),
      hub_(hub),
      shared_(stream::has_other_processes(*server.config())) {}

void CacheStreamImpl::add(std::string_view cache, Drop drop) {
  drops_.emplace(std::string{cache}, std::move(drop));
}

std::int64_t CacheStreamImpl::invalidate(storage::WriteTransaction& tx, std::string_view cache,
                                         std::string_view key, std::int64_t now_ts) {
  if (!shared_) {
    return 0;
  }
  const std::int64_t position = hub_.draw(tx, name(), 1);
  tx.exec(kAdd, position, cache, Bytes{key}, now_ts);
  return position;
}

void CacheStreamImpl::committed(std::string_view cache, std::string_view key, std::int64_t position) {
  drop(cache, key);
  if (position != 0) {
    hub_.published(name(), position, [&] {
      return std::vector<stream::Row>{{position, row_of(cache, key, server_.runtime().now_ms())}};
    });
  }
}

void CacheStreamImpl::drop(std::string_view cache, std::string_view key) {
  // Another release may know caches that this one does not have.
  for (auto [found, end] = drops_.equal_range(cache); found != end; ++found) {
    found->second(key);
  }
}

Task<void> CacheStreamImpl::apply(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& row : rows) {
    const nlohmann::json fields = nlohmann::json::parse(row.json);
    const auto& cache = fields.at(0).get_ref<const std::string&>();
    if (fields.at(1).is_null()) {
      drop(cache, {});
    } else {
      drop(cache, fields.at(1).at(0).get_ref<const std::string&>());
    }
  }
  co_return;
}

Task<stream::Updates> CacheStreamImpl::updates(stream::WriterNumber, std::int64_t from, std::int64_t to,
                                               std::size_t limit) {
  stream::Updates updates;
  updates.rows = co_await database_.read("cache_updates", [from, to, limit](storage::ReadTransaction& tx) {
    std::vector<stream::Row> rows;
    tx.each(kBetween, from, to, static_cast<std::int64_t>(limit),
            [&rows](const Row& row) { rows.push_back({row.i64(0), row_of(row.text(1), row.bytes(2), 0)}); });
    return rows;
  });
  updates.limited = updates.rows.size() == limit;
  updates.upto = updates.limited ? updates.rows.back().position : to;
  co_return updates;
}

}  // namespace lares::caches
