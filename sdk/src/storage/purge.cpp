// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/purge.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::storage {

namespace {

constexpr Statement kBegin{
    "INSERT INTO purges (kind, id, device_id, begun_ts) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, id, "
    "device_id) DO "
    "NOTHING"};
constexpr Statement kEnd{"DELETE FROM purges WHERE kind = $1 AND id = $2 AND device_id = $3"};
constexpr Statement kUnfinished{
    "SELECT kind, id, device_id FROM purges ORDER BY begun_ts, kind, id, device_id"};
constexpr Statement kUserNumber{"SELECT number FROM users WHERE user_id = $1"};
constexpr Statement kRoomNumber{"SELECT number FROM rooms WHERE room_id = $1"};

// The owner as rows refer to it.
struct Reference {
  std::optional<std::int64_t> number;
  std::string_view text;
  std::string_view device_id;
};

struct StepResult {
  std::int64_t rows = 0;
  bool done = false;
};

std::string comma_separated(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) {
    out.append(out.empty() ? "" : ", ").append(name);
  }
  return out;
}

bool by_device(const Owner& owner, OwnerKind purged) {
  return owner.kind == OwnerKind::Device && purged == OwnerKind::Device;
}

std::string condition(const Owner& owner, OwnerKind purged) {
  return by_device(owner, purged) ? fmt::format("{} = $1 AND {} = $2", owner.column, owner.device_column)
                                  : fmt::format("{} = $1", owner.column);
}

// Erasing a user takes what belongs to the user's devices too.
bool concerns(const Owner& owner, OwnerKind purged) {
  return owner.kind == purged || (owner.kind == OwnerKind::Device && purged == OwnerKind::User);
}

/// The rows of one table that belong to what is purged, and the tables whose rows hang on them.
class TablePurge {
 public:
  TablePurge(const Table& table, const Owner& owner, OwnerKind purged, std::span<const Schema> schemas)
      : owner_{owner}, by_device_{by_device(owner, purged)} {
    const std::string where = condition(owner, purged);
    for (const Schema& schema : schemas) {
      for (const Table& other : schema.tables) {
        for (const Owner& through : other.owners) {
          if (through.through == table.name && through.kind == owner.kind) {
            const Column reference[]{{through.column, ColumnType::Integer}};
            children_.push_back({.table = other.name, .keys = Columns{reference}});
          }
        }
      }
    }
    if (children_.empty()) {
      const std::string key = comma_separated(table.key);
      delete_ = &Statement::generated(
          fmt::format("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {} WHERE {} LIMIT ${})", table.name, key,
                      key, table.name, where, by_device_ ? 3 : 2));
    } else {
      select_ = &Statement::generated(fmt::format("SELECT {} FROM {} WHERE {} LIMIT ${}", table.key[0],
                                                  table.name, where, by_device_ ? 3 : 2));
      const Column key[]{{table.key[0], ColumnType::Integer}};
      self_ = ChangeMany{.table = table.name, .keys = Columns{key}};
    }
  }

  StepResult step(WriteTransaction& tx, const Reference& reference) const {
    if (owner_.reference == OwnerReference::Number && !reference.number.has_value()) {
      return {.rows = 0, .done = true};
    }
    const Argument id = owner_.reference == OwnerReference::Number ? Argument{*reference.number}
                                                                   : Argument{Bytes{reference.text}};
    return children_.empty() ? delete_rows(tx, id, reference) : delete_with_children(tx, id, reference);
  }

 private:
  StepResult delete_rows(WriteTransaction& tx, const Argument& id, const Reference& reference) const {
    const std::int64_t rows = by_device_ ? tx.exec(*delete_, id, Bytes{reference.device_id}, kPurgeStepRows)
                                         : tx.exec(*delete_, id, kPurgeStepRows);
    return {.rows = rows, .done = rows < kPurgeStepRows};
  }

  StepResult delete_with_children(WriteTransaction& tx, const Argument& id,
                                  const Reference& reference) const {
    std::vector<std::int64_t> keys;
    const auto take = [&keys](const Row& row) { keys.push_back(row.i64(0)); };
    if (by_device_) {
      tx.each(*select_, id, Bytes{reference.device_id}, kPurgeStepRows, take);
    } else {
      tx.each(*select_, id, kPurgeStepRows, take);
    }
    const auto key_itself = [](std::int64_t key) { return key; };
    StepResult result;
    for (const ChangeMany& child : children_) {
      result.rows += tx.change_many(child, keys, key_itself);
    }
    result.rows += tx.change_many(*self_, keys, key_itself);
    result.done = static_cast<std::int64_t>(keys.size()) < kPurgeStepRows;
    return result;
  }

  const Owner& owner_;
  bool by_device_;
  const Statement* delete_ = nullptr;
  const Statement* select_ = nullptr;
  std::optional<ChangeMany> self_;
  std::vector<ChangeMany> children_;
};

std::vector<TablePurge> plan(std::span<const Schema> schemas, OwnerKind purged) {
  std::vector<TablePurge> result;
  for (const Schema& schema : schemas) {
    for (const Table& table : schema.tables) {
      for (const Owner& owner : table.owners) {
        if (owner.through.empty() && concerns(owner, purged)) {
          result.emplace_back(table, owner, purged, schemas);
        }
      }
    }
  }
  return result;
}

std::optional<std::int64_t> number_of(ReadTransaction& tx, const OwnerId& owner) {
  const auto number = [](const Row& row) { return row.i64(0); };
  switch (owner.kind) {
    case OwnerKind::Room:
      return tx.maybe(kRoomNumber, Bytes{owner.id}, number);
    case OwnerKind::User:
    case OwnerKind::Device:
      return tx.maybe(kUserNumber, Bytes{owner.id}, number);
    default:
      return std::nullopt;
  }
}

}  // namespace

Task<PurgeReport> purge_owner(Database& database, std::span<const Schema> schemas, OwnerId owner,
                              std::int64_t now_ts) {
  Reference reference{.number = std::nullopt, .text = owner.id, .device_id = owner.device_id};
  reference.number = co_await database.write("purge_begin", [&](WriteTransaction& tx) {
    tx.exec(kBegin, owner.kind, Bytes{owner.id}, Bytes{owner.device_id}, now_ts);
    return number_of(tx, owner);
  });
  PurgeReport report;
  const std::vector<TablePurge> tables = plan(schemas, owner.kind);
  for (const TablePurge& table : tables) {
    StepResult step;
    while (!step.done) {
      step = co_await database.write("purge_step",
                                     [&](WriteTransaction& tx) { return table.step(tx, reference); });
      report.rows += static_cast<std::uint64_t>(step.rows);
      ++report.steps;
    }
  }
  co_await database.write("purge_end", [&](WriteTransaction& tx) {
    tx.exec(kEnd, owner.kind, Bytes{owner.id}, Bytes{owner.device_id});
  });
  co_return report;
}

Task<std::vector<OwnerId>> unfinished_purges(Database& database) {
  co_return co_await database.read("purges_unfinished", [](ReadTransaction& tx) {
    std::vector<OwnerId> result;
    tx.each(kUnfinished, [&](const Row& row) {
      result.push_back({.kind = static_cast<OwnerKind>(row.i64(0)),
                        .id = row.bytes_copy(1),
                        .device_id = row.bytes_copy(2)});
    });
    return result;
  });
}

Task<std::uint64_t> prune_tables(Database& database, std::span<const Schema> schemas, std::int64_t now_ts) {
  std::uint64_t rows = 0;
  for (const Schema& schema : schemas) {
    for (const Table& table : schema.tables) {
      std::int64_t step = table.prune.has_value() ? kPurgeStepRows : 0;
      while (step >= kPurgeStepRows) {
        step = co_await database.write(
            "prune", [&](WriteTransaction& tx) { return tx.exec(*table.prune, now_ts, kPurgeStepRows); });
        rows += static_cast<std::uint64_t>(step);
      }
    }
  }
  co_return rows;
}

Task<std::vector<std::string>> check_bounds(Database& database, std::span<const Schema> schemas) {
  std::vector<std::string> result;
  for (const Schema& schema : schemas) {
    for (const Table& table : schema.tables) {
      if (!table.excess.has_value()) {
        continue;
      }
      const std::int64_t excess = co_await database.read("check_bounds", [&](ReadTransaction& tx) {
        return tx.one(*table.excess, [](const Row& row) { return row.i64(0); });
      });
      if (excess > 0) {
        result.push_back(fmt::format("{}: {}", table.name, excess));
      }
    }
  }
  co_return result;
}

}  // namespace lares::storage
