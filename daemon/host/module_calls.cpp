// SPDX-License-Identifier: Apache-2.0
#include <host/module_calls.hpp>

#include <string>
#include <utility>

namespace lares::host {

namespace {

// Of the index in a handle whose answer has a state, or nothing, for its value.
constexpr std::uint64_t kStateBit = std::uint64_t{1} << 63;

}  // namespace

ModuleCalls::Value ModuleCalls::value_of(lares_completion completion) noexcept {
  return (completion.handle.index & kStateBit) != 0 ? Value::State : Value::Verdict;
}

std::optional<ModuleCalls::Call> ModuleCalls::begin(Value value) {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    if (slots_.size() == limit_) {
      return std::nullopt;
    }
    free_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const auto index = free_.back();
  free_.pop_back();
  auto& slot = slots_[index];
  slot.generation = ++last_generation_;
  slot.promise.emplace();
  return Call{{{value == Value::State ? index | kStateBit : index, slot.generation}}, slot.promise->future()};
}

std::optional<Promise<ModuleAnswer>> ModuleCalls::take(lares_completion completion) {
  const std::lock_guard lock(mutex_);
  const auto generation = completion.handle.generation;
  const auto index = completion.handle.index & ~kStateBit;
  if (index >= slots_.size() || slots_[index].generation != generation || !slots_[index].promise) {
    return std::nullopt;
  }
  auto promise = std::exchange(slots_[index].promise, std::nullopt);
  free_.push_back(index);
  return promise;
}

bool ModuleCalls::open(lares_completion completion) const {
  const std::lock_guard lock(mutex_);
  const auto generation = completion.handle.generation;
  const auto index = completion.handle.index & ~kStateBit;
  return index < slots_.size() && slots_[index].generation == generation && slots_[index].promise;
}

lares_status ModuleCalls::complete(lares_completion completion, ModuleAnswer answer) {
  auto promise = take(completion);
  if (!promise) {
    return LARES_STALE;
  }
  promise->set(std::move(answer));
  return LARES_OK;
}

bool ModuleCalls::retire(lares_completion completion) {
  return take(completion).has_value();
}

void ModuleCalls::fail_all(lares_status status, std::string_view message) {
  std::vector<Promise<ModuleAnswer>> promises;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t index = 0; index < slots_.size(); ++index) {
      if (auto promise = std::exchange(slots_[index].promise, std::nullopt)) {
        promises.push_back(*std::move(promise));
        free_.push_back(index);
      }
    }
  }
  for (auto& promise : promises) {
    promise.set(ModuleAnswer{.status = status, .message = std::string(message)});
  }
}

std::size_t ModuleCalls::size() const {
  const std::lock_guard lock(mutex_);
  return slots_.size() - free_.size();
}

}  // namespace lares::host
