// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/migration.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {

namespace {

std::vector<std::string_view> words_of(std::string_view sql) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < sql.size() && words.size() < 8) {
    const auto is_part = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
    };
    while (at < sql.size() && !is_part(sql[at])) {
      ++at;
    }
    const std::size_t begin = at;
    while (at < sql.size() && is_part(sql[at])) {
      ++at;
    }
    if (at > begin) {
      words.push_back(sql.substr(begin, at - begin));
    }
  }
  return words;
}

// Follows CREATE TABLE, DROP TABLE and ALTER TABLE ... RENAME TO. Virtual tables are an index of a declared
// one.
void apply(std::string_view sql, std::set<std::string, std::less<>>& tables) {
  std::vector<std::string_view> words = words_of(sql);
  std::erase_if(words,
                [](std::string_view word) { return word == "IF" || word == "NOT" || word == "EXISTS"; });
  if (words.size() < 3 || words[1] != "TABLE") {
    return;
  }
  if (words[0] == "CREATE") {
    tables.emplace(words[2]);
  } else if (words[0] == "DROP") {
    if (const auto found = tables.find(words[2]); found != tables.end()) {
      tables.erase(found);
    }
  } else if (words[0] == "ALTER" && words.size() >= 6 && words[3] == "RENAME" && words[4] == "TO") {
    if (const auto found = tables.find(words[2]); found != tables.end()) {
      tables.erase(found);
    }
    tables.emplace(words[5]);
  }
}

class Checker {
 public:
  explicit Checker(std::span<const Schema> schemas) : schemas_{schemas} {}

  std::vector<std::string> check() {
    for (const Schema& schema : schemas_) {
      for (const Table& table : schema.tables) {
        if (!tables_.emplace(table.name, &table).second) {
          say("{}: the table {} is declared twice.", schema.plugin, table.name);
        }
      }
      for (const BackgroundUpdate& update : schema.updates) {
        if (!updates_.insert(update.name).second) {
          say("{}: the background update {} is declared twice.", schema.plugin, update.name);
        }
      }
    }
    std::set<std::string_view> plugins;
    for (const Schema& schema : schemas_) {
      if (schema.plugin.empty() || !plugins.insert(schema.plugin).second) {
        say("Two schemas have the plugin name '{}', or it is empty.", schema.plugin);
      }
      check_migrations(schema);
      for (const Table& table : schema.tables) {
        check_table(schema, table);
      }
    }
    return std::move(sentences_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    sentences_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void check_migrations(const Schema& schema) {
    std::set<std::string, std::less<>> made;
    if (schema.plugin == "storage") {
      made.emplace("schema_migrations");
    }
    int expected = 1;
    for (const Migration& migration : schema.migrations) {
      if (migration.number != expected++) {
        say("{}: migrations count from 1 without gaps, but {} follows {}.", schema.plugin, migration.number,
            expected - 2);
      }
      if (migration.summary.empty()) {
        say("{}: migration {} has no summary.", schema.plugin, migration.number);
      }
      if (migration.statements.empty() && migration.starts.empty()) {
        say("{}: migration {} does nothing.", schema.plugin, migration.number);
      }
      for (const Sql& sql : migration.statements) {
        apply(sql.sqlite, made);
        apply(sql.postgres, made);
      }
      for (const std::string_view update : migration.starts) {
        if (!updates_.contains(update)) {
          say("{}: migration {} starts the background update {}, which is not declared.", schema.plugin,
              migration.number, update);
        }
      }
    }
    for (const std::string& name : made) {
      if (std::ranges::find(schema.tables, std::string_view{name}, &Table::name) == schema.tables.end()) {
        say("{}: a migration makes the table {}, which is not declared: owner, bound and what ends a row are "
            "missing.",
            schema.plugin, name);
      }
    }
    for (const Table& table : schema.tables) {
      if (!made.contains(table.name)) {
        say("{}: the table {} is declared, but no migration makes it.", schema.plugin, table.name);
      }
    }
  }

  void check_table(const Schema& schema, const Table& table) {
    const auto lacks = [&](std::string_view what) {
      say("{}: the declaration of table {} lacks {}.", schema.plugin, table.name, what);
    };
    if (table.key.empty()) {
      lacks("its key");
    }
    if (table.owners.empty()) {
      lacks("its owner");
    }
    if (table.bound.empty()) {
      lacks("its bound");
    }
    if (table.ends.empty()) {
      lacks("what ends a row");
    }
    for (const Owner& owner : table.owners) {
      check_owner(schema, table, owner);
    }
  }

  void check_owner(const Schema& schema, const Table& table, const Owner& owner) {
    if (owner.kind == OwnerKind::None) {
      return;
    }
    if (owner.column.empty()) {
      say("{}: an owner of table {} has no column.", schema.plugin, table.name);
    }
    if (!owner.through.empty()) {
      const auto parent = tables_.find(owner.through);
      const auto owns = [&](const Owner& other) { return other.kind == owner.kind && other.through.empty(); };
      if (parent == tables_.end() || parent->second->key.size() != 1 ||
          !std::ranges::any_of(parent->second->owners, owns)) {
        say("{}: table {} has an owner through {}, which must be a declared table with a key of one column "
            "and an owner "
            "of the same kind.",
            schema.plugin, table.name, owner.through);
      }
      return;
    }
    if (owner.kind == OwnerKind::Device && owner.device_column.empty()) {
      say("{}: table {} belongs to a device but does not name the column of the device id.", schema.plugin,
          table.name);
    }
    if ((owner.kind == OwnerKind::Server || owner.kind == OwnerKind::Destination) &&
        owner.reference != OwnerReference::Text) {
      say("{}: table {} refers to a server by number, but servers are not interned.", schema.plugin,
          table.name);
    }
  }

  std::span<const Schema> schemas_;
  std::map<std::string_view, const Table*> tables_;
  std::set<std::string_view> updates_;
  std::vector<std::string> sentences_;
};

}  // namespace

std::vector<std::string> check_schemas(std::span<const Schema> schemas) {
  return Checker{schemas}.check();
}

}  // namespace lares::storage
