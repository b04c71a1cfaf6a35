// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/intern.hpp>

#include "intern_cache.hpp"

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

namespace lares::storage {

namespace {

constexpr std::size_t kTextKinds = 3;

constexpr Statement kMakeBlocks{
    "INSERT INTO number_blocks (kind, next) VALUES ($1, 1) ON CONFLICT (kind) DO NOTHING"};
constexpr Statement kTakeBlock{"UPDATE number_blocks SET next = next + $2 WHERE kind = $1 RETURNING next"};

constexpr LookupMany kFindUsers{
    .select = "t.number", .from = "users t", .keys = {{{"t.user_id", ColumnType::Bytes}}}};
constexpr LookupMany kFindRooms{
    .select = "t.number", .from = "rooms t", .keys = {{{"t.room_id", ColumnType::Bytes}}}};
constexpr LookupMany kFindStateKeys{
    .select = "t.number",
    .from = "state_keys t",
    .keys = {{{"t.type", ColumnType::Bytes}, {"t.state_key", ColumnType::Bytes}}}};

constexpr LookupMany kUserTexts{.select = "t.user_id", .from = "users t", .keys = {{{"t.number"}}}};
constexpr LookupMany kRoomTexts{.select = "t.room_id", .from = "rooms t", .keys = {{{"t.number"}}}};
constexpr LookupMany kStateKeyTexts{
    .select = "t.type, t.state_key", .from = "state_keys t", .keys = {{{"t.number"}}}};

constexpr InsertMany kInsertUsers{
    "users", {{{"number"}, {"user_id", ColumnType::Bytes}}}, "ON CONFLICT (user_id) DO NOTHING"};
constexpr InsertMany kInsertRooms{
    "rooms", {{{"number"}, {"room_id", ColumnType::Bytes}}}, "ON CONFLICT (room_id) DO NOTHING"};
constexpr InsertMany kInsertStateKeys{
    "state_keys",
    {{{"number"}, {"type", ColumnType::Bytes}, {"state_key", ColumnType::Bytes}}},
    "ON CONFLICT (type, state_key) DO NOTHING"};

struct KindSql {
  std::string_view name;
  std::string_view cache;
  const LookupMany* find;
  const LookupMany* texts;
  const InsertMany* insert;
};

constexpr std::array<KindSql, kTextKinds> kKinds{{
    {"user", "interned_users", &kFindUsers, &kUserTexts, &kInsertUsers},
    {"room", "interned_rooms", &kFindRooms, &kRoomTexts, &kInsertRooms},
    {"state_key", "interned_state_keys", &kFindStateKeys, &kStateKeyTexts, &kInsertStateKeys},
}};

std::size_t index_of(InternKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  if (index >= kTextKinds) {
    throw StatementError{"Events have numbers, but their texts are not interned."};
  }
  return index;
}

// One text for both parts: the length of the first goes before it, since either may hold any byte.
std::string cache_key(InternKind kind, InternView text) {
  std::string key;
  if (kind == InternKind::StateKey) {
    const auto length = static_cast<std::uint32_t>(text.first.size());
    key.resize(sizeof length);
    std::memcpy(key.data(), &length, sizeof length);
  }
  key.append(text.first).append(text.second);
  return key;
}

InternText text_of(InternKind kind, std::string_view key) {
  if (kind != InternKind::StateKey) {
    return {.first = std::string{key}, .second = {}};
  }
  std::uint32_t length = 0;
  std::memcpy(&length, key.data(), sizeof length);
  key.remove_prefix(sizeof length);
  return {.first = std::string{key.substr(0, length)}, .second = std::string{key.substr(length)}};
}

/// Numbers that this process has taken and not given out yet.
class NumberPool {
 public:
  std::optional<std::int64_t> take() noexcept {
    const std::lock_guard lock{mutex_};
    return take_locked();
  }
  // Appends up to `count`; gives how many are missing.
  std::size_t take(std::size_t count, std::vector<std::int64_t>& out) {
    const std::lock_guard lock{mutex_};
    for (; count > 0; --count) {
      const std::optional<std::int64_t> number = take_locked();
      if (!number.has_value()) {
        return count;
      }
      out.push_back(*number);
    }
    return 0;
  }
  void add(std::int64_t first, std::int64_t count) {
    const std::lock_guard lock{mutex_};
    ranges_.emplace(first, first + count);
  }

 private:
  std::optional<std::int64_t> take_locked() noexcept {
    if (ranges_.empty()) {
      return std::nullopt;
    }
    auto range = ranges_.begin();
    auto node = ranges_.extract(range);
    const std::int64_t number = node.key()++;
    if (node.key() < node.mapped()) {
      ranges_.insert(std::move(node));
    }
    return number;
  }

  std::mutex mutex_;
  std::map<std::int64_t, std::int64_t> ranges_;  // first to one past the last
};

}  // namespace

struct Interner::State {
  State(Database& db, Runtime& runtime, InternerOptions chosen)
      : database{db},
        options{std::move(chosen)},
        caches{
            InternCache{runtime, std::string{kKinds[0].cache}, options.server_name, options.cache_entries},
            InternCache{runtime, std::string{kKinds[1].cache}, options.server_name, options.cache_entries},
            InternCache{runtime, std::string{kKinds[2].cache}, options.server_name, options.cache_entries}} {}

  Task<std::vector<std::int64_t>> numbers(InternKind kind, std::size_t count);
  Task<void> find(InternKind kind, const std::vector<InternView>& texts,
                  std::vector<std::optional<std::int64_t>>& numbers);
  Task<void> make(InternKind kind, const std::vector<InternView>& texts,
                  std::vector<std::optional<std::int64_t>>& numbers);

  Database& database;
  InternerOptions options;
  std::array<InternCache, kTextKinds> caches;
  std::array<NumberPool, kTextKinds + 1> pools;
};

Interner::Interner(Database& database, Runtime& runtime, InternerOptions options)
    : state_{std::make_unique<State>(database, runtime, std::move(options))} {}
Interner::~Interner() = default;

Task<std::vector<std::int64_t>> Interner::State::numbers(InternKind kind, std::size_t count) {
  NumberPool& pool = pools[static_cast<std::size_t>(kind)];
  const bool event = kind == InternKind::Event;
  const std::string_view name = event ? "event" : kKinds[static_cast<std::size_t>(kind)].name;
  std::vector<std::int64_t> result;
  result.reserve(count);
  std::size_t missing = pool.take(count, result);
  while (missing > 0) {
    // Several may come here at once; each then takes a block of its own, and what is left over serves the
    // next.
    const std::int64_t size =
        std::max(event ? options.event_block : options.block, static_cast<std::int64_t>(missing));
    const std::int64_t end = co_await database.write("take_numbers", [&](WriteTransaction& tx) {
      tx.exec(kMakeBlocks, name);
      return tx.one(kTakeBlock, name, size, [](const Row& row) { return row.i64(0); });
    });
    pool.add(end - size, size);
    missing = pool.take(missing, result);
  }
  std::ranges::sort(result);
  co_return result;
}

// Fills in what memory and the database know, and puts the latter into memory.
Task<void> Interner::State::find(InternKind kind, const std::vector<InternView>& texts,
                                 std::vector<std::optional<std::int64_t>>& numbers) {
  InternCache& cache = caches[index_of(kind)];
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    numbers[i] =
        kind == InternKind::StateKey ? cache.number(cache_key(kind, texts[i])) : cache.number(texts[i].first);
    if (!numbers[i].has_value()) {
      missing.push_back(i);
    }
  }
  if (missing.empty()) {
    co_return;
  }
  const LookupMany& find_sql = *kKinds[index_of(kind)].find;
  co_await database.read("intern_lookup", [&](ReadTransaction& tx) {
    const auto found = [&](std::size_t at, const Row& row) { numbers[missing[at]] = row.i64(0); };
    if (kind == InternKind::StateKey) {
      tx.lookup_many(
          find_sql, missing,
          [&](std::size_t i) { return std::tuple{Bytes{texts[i].first}, Bytes{texts[i].second}}; }, found);
    } else {
      tx.lookup_many(find_sql, missing, [&](std::size_t i) { return Bytes{texts[i].first}; }, found);
    }
  });
  for (const std::size_t i : missing) {
    if (numbers[i].has_value()) {
      cache.put(cache_key(kind, texts[i]), *numbers[i]);
    }
  }
}

// Gives numbers to what has none, in a transaction of its own, in sorted order so that no two processes wait
// for each other.
Task<void> Interner::State::make(InternKind kind, const std::vector<InternView>& texts,
                                 std::vector<std::optional<std::int64_t>>& numbers) {
  struct New {
    InternView text;
    std::int64_t number = 0;
  };
  std::vector<New> fresh;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!numbers[i].has_value()) {
      fresh.push_back({.text = texts[i]});
    }
  }
  if (fresh.empty()) {
    co_return;
  }
  const auto order = [](const New& one) { return std::pair{one.text.first, one.text.second}; };
  std::ranges::sort(fresh, {}, order);
  const auto doubles = std::ranges::unique(fresh, {}, order);
  fresh.erase(doubles.begin(), doubles.end());
  const std::vector<std::int64_t> given = co_await this->numbers(kind, fresh.size());
  const KindSql& sql = kKinds[index_of(kind)];
  co_await database.write("intern", [&](WriteTransaction& tx) {
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      fresh[i].number = given[i];
    }
    // Another process may have been faster with some: what the table says counts.
    const auto found = [&](std::size_t at, const Row& row) { fresh[at].number = row.i64(0); };
    if (kind == InternKind::StateKey) {
      const auto key = [](const New& one) {
        return std::tuple{Bytes{one.text.first}, Bytes{one.text.second}};
      };
      tx.insert_many(*sql.insert, fresh, [](const New& one) {
        return std::tuple{one.number, Bytes{one.text.first}, Bytes{one.text.second}};
      });
      tx.lookup_many(*sql.find, fresh, key, found);
    } else {
      tx.insert_many(*sql.insert, fresh,
                     [](const New& one) { return std::tuple{one.number, Bytes{one.text.first}}; });
      tx.lookup_many(*sql.find, fresh, [](const New& one) { return Bytes{one.text.first}; }, found);
    }
  });
  for (const New& one : fresh) {
    caches[index_of(kind)].put(cache_key(kind, one.text), one.number);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!numbers[i].has_value()) {
      const auto at = std::ranges::lower_bound(fresh, std::pair{texts[i].first, texts[i].second}, {}, order);
      numbers[i] = at->number;
    }
  }
}

Task<std::vector<std::int64_t>> Interner::intern(InternKind kind, std::vector<InternView> texts) {
  std::vector<std::optional<std::int64_t>> numbers(texts.size());
  co_await state_->find(kind, texts, numbers);
  co_await state_->make(kind, texts, numbers);
  std::vector<std::int64_t> result;
  result.reserve(numbers.size());
  for (const std::optional<std::int64_t>& number : numbers) {
    result.push_back(*number);
  }
  co_return result;
}

Task<std::vector<std::optional<std::int64_t>>> Interner::lookup(InternKind kind,
                                                                std::vector<InternView> texts) {
  std::vector<std::optional<std::int64_t>> numbers(texts.size());
  co_await state_->find(kind, texts, numbers);
  co_return numbers;
}

namespace {

Task<std::int64_t> intern_one(Interner& interner, InternKind kind, InternView text) {
  if (const std::optional<std::int64_t> known = interner.cached(kind, text)) {
    co_return *known;
  }
  std::vector<InternView> one{text};
  const std::vector<std::int64_t> numbers = co_await interner.intern(kind, std::move(one));
  co_return numbers[0];
}

Task<std::optional<std::int64_t>> lookup_one(Interner& interner, InternKind kind, InternView text) {
  if (const std::optional<std::int64_t> known = interner.cached(kind, text)) {
    co_return known;
  }
  std::vector<InternView> one{text};
  const std::vector<std::optional<std::int64_t>> numbers = co_await interner.lookup(kind, std::move(one));
  co_return numbers[0];
}

}  // namespace

Task<std::int64_t> Interner::intern_user(std::string_view user_id) {
  return intern_one(*this, InternKind::User, {.first = user_id});
}
Task<std::int64_t> Interner::intern_room(std::string_view room_id) {
  return intern_one(*this, InternKind::Room, {.first = room_id});
}
Task<std::int64_t> Interner::intern_state_key(std::string_view type, std::string_view state_key) {
  return intern_one(*this, InternKind::StateKey, {.first = type, .second = state_key});
}
Task<std::optional<std::int64_t>> Interner::lookup_user(std::string_view user_id) {
  return lookup_one(*this, InternKind::User, {.first = user_id});
}
Task<std::optional<std::int64_t>> Interner::lookup_room(std::string_view room_id) {
  return lookup_one(*this, InternKind::Room, {.first = room_id});
}
Task<std::optional<std::int64_t>> Interner::lookup_state_key(std::string_view type,
                                                             std::string_view state_key) {
  return lookup_one(*this, InternKind::StateKey, {.first = type, .second = state_key});
}

Task<std::vector<InternText>> Interner::texts(InternKind kind, std::vector<std::int64_t> numbers) {
  InternCache& cache = state_->caches[index_of(kind)];
  std::vector<std::optional<std::string>> keys(numbers.size());
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    keys[i] = cache.key(numbers[i]);
    if (!keys[i].has_value()) {
      missing.push_back(i);
    }
  }
  if (!missing.empty()) {
    const LookupMany& sql = *kKinds[index_of(kind)].texts;
    co_await state_->database.read("intern_texts", [&](ReadTransaction& tx) {
      tx.lookup_many(
          sql, missing, [&](std::size_t i) { return numbers[i]; },
          [&](std::size_t at, const Row& row) {
            const InternView text{.first = row.bytes(0),
                                  .second = kind == InternKind::StateKey ? row.bytes(1) : std::string_view{}};
            keys[missing[at]] = cache_key(kind, text);
          });
    });
  }
  std::vector<InternText> result;
  result.reserve(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!keys[i].has_value()) {
      throw Corrupt{
          fmt::format("The {} with number {} has no text.", kKinds[index_of(kind)].name, numbers[i])};
    }
    result.push_back(text_of(kind, *keys[i]));
  }
  for (const std::size_t i : missing) {
    cache.put(std::move(*keys[i]), numbers[i]);
  }
  co_return result;
}

std::optional<std::int64_t> Interner::cached(InternKind kind, InternView text) const {
  InternCache& cache = state_->caches[index_of(kind)];
  return kind == InternKind::StateKey ? cache.number(cache_key(kind, text)) : cache.number(text.first);
}

std::optional<InternText> Interner::cached_text(InternKind kind, std::int64_t number) const {
  const std::optional<std::string> key = state_->caches[index_of(kind)].key(number);
  return key.has_value() ? std::optional{text_of(kind, *key)} : std::nullopt;
}

std::optional<std::int64_t> Interner::try_take_event_number() noexcept {
  return state_->pools[static_cast<std::size_t>(InternKind::Event)].take();
}

Task<std::vector<std::int64_t>> Interner::take_event_numbers(std::size_t count) {
  return state_->numbers(InternKind::Event, count);
}

std::size_t Interner::cache_size(InternKind kind) const {
  return state_->caches[index_of(kind)].size();
}

}  // namespace lares::storage
