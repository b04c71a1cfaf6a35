// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/storage/database.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {

/// What is stored as a number. A number lives in the database and the process: replication, tokens, logs and
/// metrics carry the text. It says nothing about order.
enum class InternKind : std::uint8_t {
  User,      ///< table `users (number, user_id)`
  Room,      ///< table `rooms (number, room_id)`
  StateKey,  ///< table `state_keys (number, type, state_key)`
  Event,     ///< numbers alone: the row of `events` is the persister's
};

/// The text of an interned thing: an identifier, or of a state key its type and state key.
struct InternText {
  std::string first;
  std::string second;

  bool operator==(const InternText&) const = default;
};

struct InternView {
  std::string_view first;
  std::string_view second = {};
};

struct InternerOptions {
  /// For the metrics of its caches.
  std::string server_name;
  /// Texts kept in memory, of each kind, in both directions.
  std::size_t cache_entries = 100'000;
  /// Numbers that a process takes at once. What it does not use is lost with it, which is no harm: there are
  /// 2^63.
  std::int64_t block = 1'000;
  /// The same for events, of which each message takes one.
  std::int64_t event_block = 10'000;
};

/// Texts to numbers and back. `intern` gives a number to whatever has none and is for what becomes part of
/// the store; `lookup` never does and is for what a stranger merely asks about.
///
/// A mapping is committed, in a transaction of its own, before `intern` returns, and cached only then; so it
/// is called before the transaction that uses the numbers, never within one. Mappings are never deleted while
/// anything may refer to them: the number of a text stands for ever.
///
/// The plugin of the engine provides it as a service beside the database.
///
/// A new event's number is always fresh, so events are not looked up: `take_event_numbers` gives them from
/// the process's block, and the persister inserts the rows of `events`, whose `event_id` is unique.
///
/// **Threads**: any.
class LARES_EXPORT Interner {
 public:
  static constexpr std::string_view kServiceId = "lares.storage.interner/1";

  Interner(Database& database, Runtime& runtime, InternerOptions options);
  ~Interner();
  Interner(const Interner&) = delete;
  Interner& operator=(const Interner&) = delete;

  /// The numbers of the texts, in their order; new ones are made. Texts may repeat. The views must live until
  /// it returns.
  Task<std::vector<std::int64_t>> intern(InternKind kind, std::vector<InternView> texts);
  Task<std::int64_t> intern_user(std::string_view user_id);
  Task<std::int64_t> intern_room(std::string_view room_id);
  Task<std::int64_t> intern_state_key(std::string_view type, std::string_view state_key);

  /// The numbers of the texts, empty for what has none. Nothing is written.
  Task<std::vector<std::optional<std::int64_t>>> lookup(InternKind kind, std::vector<InternView> texts);
  Task<std::optional<std::int64_t>> lookup_user(std::string_view user_id);
  Task<std::optional<std::int64_t>> lookup_room(std::string_view room_id);
  Task<std::optional<std::int64_t>> lookup_state_key(std::string_view type, std::string_view state_key);

  /// The texts of numbers that came out of the database. **Errors**: Corrupt if one has no text.
  Task<std::vector<InternText>> texts(InternKind kind, std::vector<std::int64_t> numbers);

  /// From memory alone, for hot paths: empty does not mean that there is none.
  [[nodiscard]] std::optional<std::int64_t> cached(InternKind kind, InternView text) const;
  [[nodiscard]] std::optional<InternText> cached_text(InternKind kind, std::int64_t number) const;

  /// A fresh number from memory, empty when the block is used up: then `co_await take_event_numbers(n)`.
  [[nodiscard]] std::optional<std::int64_t> try_take_event_number() noexcept;
  /// `count` fresh numbers, ascending, not necessarily adjacent.
  Task<std::vector<std::int64_t>> take_event_numbers(std::size_t count);

  /// Texts in memory.
  [[nodiscard]] std::size_t cache_size(InternKind kind) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lares::storage
