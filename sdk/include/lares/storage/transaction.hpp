// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/storage/argument.hpp>
#include <lares/storage/row.hpp>
#include <lares/storage/statement.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lares::storage {

class StatementTimes;

/// Where an engine puts rows. Returning false ends the query.
struct RowSink {
  void* target = nullptr;
  bool (*take)(void* target, const Row& row) = nullptr;
};

/// Where an engine puts what a look-up of many keys found: the index of the key, and the row.
struct LookupSink {
  void* target = nullptr;
  void (*take)(void* target, std::size_t key, const Row& row) = nullptr;
};

/// What a transaction's function may do with the snapshot it sees. It cannot write: the type has nothing to
/// write with.
///
/// In `each`, `one` and `maybe` the arguments of the statement come first and the function that takes the row
/// last:
///
///     tx.each(kDevicesOf, user_id, [&](const Row& row) { devices.push_back(row.bytes_copy(0)); });
///
/// **Threads**: the database thread that runs the transaction. The function computes nothing of weight there
/// and waits for nothing: no locks, no other services, no clocks.
/// **Lifetime**: the call of the transaction's function.
/// **Errors**: every function throws the types of `lares/storage/errors.hpp`; let them pass.
class LARES_EXPORT ReadTransaction {
 public:
  /// Calls the function with each row in order. It may return nothing, or a bool of which false ends the
  /// query. Statements may be run from within it.
  template <class... Rest>
  void each(const Statement& statement, Rest&&... rest) {
    auto [arguments, function] = split(std::forward<Rest>(rest)...);
    using Function = std::remove_reference_t<decltype(function)>;
    timed_query(statement, arguments,
                RowSink{target_of(function), [](void* target, const Row& row) {
                          auto& call = *static_cast<Function*>(target);
                          if constexpr (std::same_as<std::invoke_result_t<Function&, const Row&>, bool>) {
                            return call(row);
                          } else {
                            call(row);
                            return true;
                          }
                        }});
  }

  /// What the function makes of the row, or nothing if there is none; a function that returns nothing gives a
  /// bool.
  /// **Errors**: StatementError for more than one row.
  template <class... Rest>
  auto maybe(const Statement& statement, Rest&&... rest) {
    auto [arguments, function] = split(std::forward<Rest>(rest)...);
    using Function = std::remove_reference_t<decltype(function)>;
    using Result = std::invoke_result_t<Function&, const Row&>;
    if constexpr (std::is_void_v<Result>) {
      struct State {
        Function* function;
        bool found;
      } state{std::addressof(function), false};
      timed_query(statement, arguments, RowSink{&state, [](void* target, const Row& row) {
                                                  auto& s = *static_cast<State*>(target);
                                                  refuse_second_row(s.found);
                                                  s.found = true;
                                                  (*s.function)(row);
                                                  return true;
                                                }});
      return state.found;
    } else {
      static_assert(!std::same_as<std::remove_cvref_t<Result>, std::string_view>,
                    "The view is dead when the row is: copy it.");
      struct State {
        Function* function;
        std::optional<std::remove_cvref_t<Result>> result;
      } state{std::addressof(function), std::nullopt};
      timed_query(statement, arguments, RowSink{&state, [](void* target, const Row& row) {
                                                  auto& s = *static_cast<State*>(target);
                                                  refuse_second_row(s.result.has_value());
                                                  s.result.emplace((*s.function)(row));
                                                  return true;
                                                }});
      return std::move(state.result);
    }
  }

  /// What the function makes of the one row that there must be. **Errors**: StatementError for none or
  /// several.
  template <class... Rest>
  auto one(const Statement& statement, Rest&&... rest) {
    auto found = maybe(statement, std::forward<Rest>(rest)...);
    if (!found) {
      no_row(statement);
    }
    if constexpr (!std::same_as<decltype(found), bool>) {
      return *std::move(found);
    }
  }

  /// True if the statement gives a row.
  template <class... Arguments>
  [[nodiscard]] bool any(const Statement& statement, const Arguments&... arguments) {
    bool found = false;
    each(statement, arguments..., [&found](const Row&) {
      found = true;
      return false;
    });
    return found;
  }

  /// Looks up many keys in one call. `project` makes of each element one argument, or a tuple of them, in the
  /// order of the statement's keys; `found(index of the element, row)` is called for each row, in no
  /// particular order; keys without a row are passed over. `extra` fills the parameters of the statement's
  /// `where`.
  template <std::ranges::input_range Keys, class Project, class Found, class... Extra>
  void lookup_many(const LookupMany& statement, Keys&& keys, Project project, Found found,
                   const Extra&... extra) {
    const std::vector<Argument> cells = flatten(keys, project, statement.keys.size());
    if (cells.empty()) {
      return;
    }
    const std::array<Argument, sizeof...(Extra)> extras{Argument{extra}...};
    timed_lookup(statement, cells, extras,
                 LookupSink{&found, [](void* target, std::size_t key, const Row& row) {
                              (*static_cast<Found*>(target))(key, row);
                            }});
  }

  [[nodiscard]] virtual Engine engine() const noexcept = 0;

  /// How many times this transaction has asked the database so far, many rows in one call counting once: on
  /// PostgreSQL, the round trips. For tests that hold a path to its number.
  [[nodiscard]] std::uint32_t calls() const noexcept { return calls_; }

  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 protected:
  ReadTransaction() = default;
  virtual ~ReadTransaction();

  virtual void query(const Statement& statement, std::span<const Argument> arguments, RowSink sink) = 0;
  virtual void lookup(const LookupMany& statement, std::span<const Argument> keys,
                      std::span<const Argument> extra, LookupSink sink) = 0;

  // The engine's calls, timed for `synapse_storage_query_time`, what is done with the rows included.
  void timed_query(const Statement& statement, std::span<const Argument> arguments, RowSink sink);
  void timed_lookup(const LookupMany& statement, std::span<const Argument> keys,
                    std::span<const Argument> extra, LookupSink sink);

  static void refuse_second_row(bool found);
  [[noreturn]] static void no_row(const Statement& statement);

  template <class Function>
  static void* target_of(Function& function) noexcept {
    return const_cast<void*>(static_cast<const void*>(std::addressof(function)));
  }

  // The arguments as a flat array, and a reference to the function that stands after them.
  template <class... Rest>
  static auto split(Rest&&... rest) {
    static_assert(sizeof...(Rest) >= 1, "The last argument is a function that takes the row.");
    constexpr std::size_t kArguments = sizeof...(Rest) - 1;
    std::tuple<Rest&...> all{rest...};
    return [&all]<std::size_t... I>(std::index_sequence<I...>) {
      using Function = std::tuple_element_t<kArguments, std::tuple<Rest&...>>;
      return std::pair<std::array<Argument, kArguments>, Function>{
          std::array<Argument, kArguments>{Argument{std::get<I>(all)}...}, std::get<kArguments>(all)};
    }(std::make_index_sequence<kArguments>{});
  }

  template <class Items, class Project>
  static std::vector<Argument> flatten(Items&& items, Project& project, std::size_t width) {
    std::vector<Argument> cells;
    if constexpr (std::ranges::sized_range<Items>) {
      cells.reserve(std::ranges::size(items) * width);
    }
    for (const auto& item : items) {
      using Cells = std::invoke_result_t<Project&, decltype(item)>;
      if constexpr (std::convertible_to<Cells, Argument>) {
        static_assert(!std::same_as<Cells, std::string>,
                      "The text would be gone before it is bound: return a view.");
        cells.push_back(Argument{project(item)});
      } else {
        auto tuple = project(item);
        append(cells, tuple);
      }
    }
    check_width(cells.size(), width);
    return cells;
  }

  template <class... Cells>
  static void append(std::vector<Argument>& cells, const std::tuple<Cells...>& tuple) {
    static_assert((!std::same_as<Cells, std::string> && ...),
                  "The text would be gone before it is bound: return a view.");
    std::apply([&cells](const auto&... cell) { (cells.push_back(Argument{cell}), ...); }, tuple);
  }

  static void check_width(std::size_t cells, std::size_t width);

  std::uint32_t calls_ = 0;

  friend class Job;
  const StatementTimes* times_ = nullptr;
};

/// What the function of a writing transaction may do: everything a reader may, and write.
///
/// The function may run more than once before it commits (another transaction was faster, or a test runs
/// everything twice): it does nothing but SQL, and begins its results anew each time. What it returns reaches
/// the caller after the commit. `each`, `one` and `maybe` also take INSERT, UPDATE and DELETE with RETURNING.
class LARES_EXPORT WriteTransaction : public ReadTransaction {
 public:
  /// Runs a statement without rows; gives the number of rows it inserted, changed or deleted.
  template <class... Arguments>
  std::int64_t exec(const Statement& statement, const Arguments&... arguments) {
    const std::array<Argument, sizeof...(Arguments)> list{Argument{arguments}...};
    return timed_execute(statement, list);
  }

  /// Inserts one row for each element; `project` makes a tuple of arguments of it, in the order of the
  /// columns. Gives the number of rows inserted or changed.
  template <std::ranges::input_range Items, class Project>
  std::int64_t insert_many(const InsertMany& statement, Items&& items, Project project) {
    const std::vector<Argument> cells = flatten(items, project, statement.columns.size());
    return cells.empty() ? 0 : timed_insert(statement, cells);
  }

  /// Changes or deletes one row for each element; `project` gives the key columns, then those to set.
  template <std::ranges::input_range Items, class Project>
  std::int64_t change_many(const ChangeMany& statement, Items&& items, Project project) {
    const std::vector<Argument> cells = flatten(items, project, statement.keys.size() + statement.set.size());
    return cells.empty() ? 0 : timed_change(statement, cells);
  }

  /// Holds a lock of that name until the transaction ends: across all processes that share the database. The
  /// first thing that a function does, so that what it reads afterwards is not older than the lock. For what
  /// is rare, such as migrations: names may share a lock. On SQLite, with its one writer, every transaction
  /// has it anyway.
  virtual void lock(std::string_view name) = 0;

 protected:
  ~WriteTransaction() override;

  std::int64_t timed_execute(const Statement& statement, std::span<const Argument> arguments);
  std::int64_t timed_insert(const InsertMany& statement, std::span<const Argument> cells);
  std::int64_t timed_change(const ChangeMany& statement, std::span<const Argument> cells);

  virtual std::int64_t execute(const Statement& statement, std::span<const Argument> arguments) = 0;
  virtual std::int64_t insert(const InsertMany& statement, std::span<const Argument> cells) = 0;
  virtual std::int64_t change(const ChangeMany& statement, std::span<const Argument> cells) = 0;

  // What runs everything twice: what was done since the mark is undone, errors of statements included.
  friend class Job;
  virtual void set_mark() = 0;
  virtual void return_to_mark() = 0;
};

}  // namespace lares::storage
