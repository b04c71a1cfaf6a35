// SPDX-License-Identifier: Apache-2.0
#include <lares/async/actor.hpp>

#include "loop_internals.hpp"
#include "thread_state.hpp"

#include <utility>

namespace lares {

namespace detail {

RemoteCall::~RemoteCall() = default;

void RemoteCall::run() noexcept {
  const std::int64_t start = monotonic_ns();
  {
    const ContextScope scope{context_};
    try {
      call();
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  t_state.loop->internals().count_slice(monotonic_ns() - start, context_.get());
  done_.notify();
}

void RemoteCall::abandon() noexcept {
  error_ = std::make_exception_ptr(BrokenPromise{});
  done_.notify();
}

}  // namespace detail

Actor::Actor(Loop& loop, std::string name, ActorLimits limits)
    : loop_{&loop}, name_{std::move(name)}, limits_{limits} {}

Actor::~Actor() = default;

Actor::Admission::Admission(Actor& actor, std::size_t bytes) : actor_{actor}, bytes_{bytes} {
  const std::size_t calls = actor.calls_.fetch_add(1, std::memory_order_relaxed);
  const std::size_t held = actor.bytes_.fetch_add(bytes, std::memory_order_relaxed);
  // One call is always let in, however large.
  if (calls >= actor.limits_.max_calls || (held != 0 && held + bytes > actor.limits_.max_bytes)) {
    actor.calls_.fetch_sub(1, std::memory_order_relaxed);
    actor.bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    throw QueueFull{actor.name_};
  }
}

Actor::Admission::~Admission() {
  actor_.calls_.fetch_sub(1, std::memory_order_relaxed);
  actor_.bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
}

}  // namespace lares
