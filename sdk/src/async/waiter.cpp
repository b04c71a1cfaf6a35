// SPDX-License-Identifier: Apache-2.0
#include <lares/async/waiter.hpp>

#include "loop_internals.hpp"
#include "thread_state.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <new>
#include <stdexcept>
#include <utility>

namespace lares {

namespace {

using Handler = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;

Handler* handler_in(std::array<std::byte, 32>& storage) noexcept {
  return std::launder(reinterpret_cast<Handler*>(storage.data()));
}

/// Moves the handler out of where it was kept; after it was called or destroyed the waiter may be gone.
Handler take_handler(std::array<std::byte, 32>& storage) noexcept {
  Handler* const kept = handler_in(storage);
  Handler out{std::move(*kept)};
  kept->~Handler();
  return out;
}

}  // namespace

void throw_cancelled() {
  throw boost::system::system_error{boost::asio::error::operation_aborted};
}

Waiter::~Waiter() {
  if (list_ != nullptr) {
    static_cast<void>(list_->remove(*this));
  }
}

Task<void> Waiter::suspend(void (*start)(void*), void* argument) {
  if (t_state.loop == nullptr) {
    throw std::logic_error{"A coroutine that waits has to run on a loop of the Runtime"};
  }
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
      [this, start, argument](Handler handler) {
        static_assert(sizeof(Handler) <= sizeof(handler_) && alignof(Handler) <= alignof(std::max_align_t));
        Loop::Internals& loop = t_state.loop->internals();
        flow_ = t_state.flow != nullptr ? RefPtr<Flow>{t_state.flow} : make_ref<Flow>(*t_state.loop, nullptr);
        const auto slot = boost::asio::get_associated_cancellation_slot(handler);
        ::new (handler_.data()) Handler{std::move(handler)};
        loop.suspended.link(*this);
        if (start == nullptr) {
          if (slot.is_connected()) {
            auto cancellable = slot;
            cancellable.assign([this](boost::asio::cancellation_type) { on_cancel(); });
          }
          if (deadline_ != SteadyTime::max()) {
            loop.arm(*this);
          }
        }
        State idle = State::kIdle;
        if (!state_.compare_exchange_strong(idle, State::kWaiting, std::memory_order_acq_rel)) {
          post_to(loop.loop);
          return;
        }
        if (start != nullptr) {
          try {
            start(argument);
          } catch (...) {
            start_error_ = std::current_exception();
            notify();
          }
        }
      },
      boost::asio::use_awaitable);
}

void Waiter::notify() noexcept {
  if (state_.exchange(State::kNotified, std::memory_order_acq_rel) == State::kWaiting) {
    post_to(flow_->loop());
  }
}

void Waiter::notify(WakeBatch& batch) noexcept {
  if (state_.exchange(State::kNotified, std::memory_order_acq_rel) == State::kWaiting) {
    batch.add(flow_->loop(), *this);
  }
}

void Waiter::run() noexcept {
  resume(outcome_);
}

void Waiter::resume(Wake outcome) noexcept {
  outcome_ = outcome;
  const RefPtr<Flow> flow = std::move(flow_);
  Loop::Internals& loop = flow->loop().internals();
  loop.suspended.unlink(*this);
  loop.disarm(*this);
  Handler handler = take_handler(handler_);
  Flow::Run run{*flow};
  handler();
}

void Waiter::abandon() noexcept {
  const RefPtr<Flow> flow = std::move(flow_);
  Loop::Internals& loop = flow->loop().internals();
  loop.suspended.unlink(*this);
  loop.disarm(*this);
  // Its end destroys the coroutine's frames, this object among them.
  const Handler handler = take_handler(handler_);
}

void Waiter::on_timer() noexcept {
  if (list_ != nullptr && !list_->remove(*this)) {
    // Notified at the same moment; that wins, and is on its way.
    return;
  }
  state_.store(State::kNotified, std::memory_order_relaxed);
  resume(Wake::kTimeout);
}

void Waiter::on_cancel() noexcept {
  if (list_ != nullptr) {
    if (!list_->remove(*this)) {
      return;
    }
  } else if (state_.load(std::memory_order_relaxed) == State::kNotified) {
    return;
  }
  state_.store(State::kNotified, std::memory_order_relaxed);
  outcome_ = Wake::kCancelled;
  Loop::Internals& loop = flow_->loop().internals();
  loop.disarm(*this);
  // Not from here: whoever cancels goes on first.
  post_to(loop.loop);
}

void WakeBatch::add(Loop& loop, LoopWork& work) noexcept {
  for (Chain& chain : chains_) {
    if (chain.loop == nullptr) {
      chain = Chain{&loop, &work, &work};
      return;
    }
    if (chain.loop == &loop) {
      work.next_ = chain.newest;
      chain.newest = &work;
      return;
    }
  }
  work.post_to(loop);
}

void WakeBatch::flush() noexcept {
  for (Chain& chain : chains_) {
    if (chain.loop == nullptr) {
      return;
    }
    Loop* const loop = std::exchange(chain.loop, nullptr);
    loop->internals().push(chain.newest, chain.oldest);
  }
}

WaitList::~WaitList() = default;

void WaitList::add(Waiter& waiter) noexcept {
  waiter.list_ = this;
  waiter.linked_ = true;
  waiter.list_next_ = nullptr;
  waiter.list_previous_ = last_;
  (last_ != nullptr ? last_->list_next_ : first_) = &waiter;
  last_ = &waiter;
}

void WaitList::unlink(Waiter& waiter) noexcept {
  (waiter.list_previous_ != nullptr ? waiter.list_previous_->list_next_ : first_) = waiter.list_next_;
  (waiter.list_next_ != nullptr ? waiter.list_next_->list_previous_ : last_) = waiter.list_previous_;
  waiter.linked_ = false;
}

bool WaitList::remove(Waiter& waiter) noexcept {
  const std::lock_guard lock{mutex_};
  if (!waiter.linked_) {
    return false;
  }
  unlink(waiter);
  return true;
}

void WaitList::take_one(WakeBatch& batch) noexcept {
  if (Waiter* const waiter = first_) {
    unlink(*waiter);
    waiter->notify(batch);
  }
}

void WaitList::take_all(WakeBatch& batch) noexcept {
  while (first_ != nullptr) {
    take_one(batch);
  }
}

Task<Wake> WaitList::wait(Waiter& waiter, SteadyTime deadline) {
  waiter.deadline_ = deadline;
  if (waiter.state_.load(std::memory_order_acquire) != Waiter::State::kNotified) {
    co_await waiter.suspend(nullptr, nullptr);
  }
  if (WaitList* const list = std::exchange(waiter.list_, nullptr)) {
    // Who notified may still hold the mutex, and what that stands in may go as soon as this has returned.
    const std::lock_guard lock{list->mutex_};
  }
  co_return waiter.outcome_;
}

}  // namespace lares
