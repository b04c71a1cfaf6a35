// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module_question.hpp>

#include <lares/async/promise.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace lares::host {

/// The answers that modules owe: the host's side of the completion rules in lares/module/host.h. For each
/// call the first of answer, deadline and cancellation decides; a generation in the handle makes whatever
/// comes later harmless.
///
/// **Threads**: any.
class ModuleCalls {
 public:
  /// At most `limit` answers are owed at one time.
  explicit ModuleCalls(std::size_t limit) : limit_(limit) {}

  struct Call {
    lares_completion completion;
    Future<ModuleAnswer> answer;
  };

  /// What the value of an answer points to. It stands in the handle, by which whoever takes the answer knows;
  /// the module gets the same handle for all that concerns the call.
  enum class Value { Verdict, State };
  [[nodiscard]] static Value value_of(lares_completion completion) noexcept;

  /// Begins a call; nothing at the limit.
  [[nodiscard]] std::optional<Call> begin(Value value = Value::Verdict);

  /// An answer has come: LARES_OK if it is the first, LARES_STALE if the call is over.
  lares_status complete(lares_completion completion, ModuleAnswer answer);

  /// Whether somebody still waits for the answer.
  [[nodiscard]] bool open(lares_completion completion) const;

  /// The caller goes on without an answer. False if one had come just before: then that one counts.
  bool retire(lares_completion completion);

  /// Ends every call that is open with this status: the module is gone.
  void fail_all(lares_status status, std::string_view message);

  [[nodiscard]] std::size_t size() const;

 private:
  struct Slot {
    std::uint64_t generation = 0;
    std::optional<Promise<ModuleAnswer>> promise;
  };

  // Takes the promise out of its slot and frees the slot; nothing if the call is over.
  std::optional<Promise<ModuleAnswer>> take(lares_completion completion);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::uint64_t last_generation_ = 0;
  std::deque<Slot> slots_;
  std::vector<std::size_t> free_;
};

}  // namespace lares::host
