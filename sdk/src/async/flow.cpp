// SPDX-License-Identifier: Apache-2.0
#include "loop_internals.hpp"
#include "thread_state.hpp"

#include <lares/async/context_executor.hpp>
#include <lares/async/log_context.hpp>
#include <lares/async/runtime.hpp>

#include <utility>

namespace lares {

namespace {

/// Null for the sentinel, which is what the thread's state and the flows hold for it.
LogContext* without_sentinel(LogContext* context) noexcept {
  return context == nullptr || context->is_sentinel() ? nullptr : context;
}

}  // namespace

LogContext& current_context() noexcept {
  LogContext* const context = t_state.context;
  return context == nullptr ? LogContext::sentinel() : *context;
}

Flow::Flow(Loop& loop, RefPtr<LogContext> context) noexcept
    : loop_{&loop}, context_{without_sentinel(context.get())} {}

Flow* Flow::current() noexcept {
  return t_state.flow;
}

namespace detail {
bool runs_on_this_thread(const Loop& loop) noexcept {
  return t_state.loop == &loop;
}
}  // namespace detail

Flow::Run::Run(Flow& flow) noexcept : outer_flow_{t_state.flow}, outer_context_{t_state.context} {
  ThreadState& state = t_state;
  state.flow = &flow;
  LogContext* const context = flow.context_.get();
  if (outer_flow_ == nullptr) {
    state.run_start = monotonic_ns();
    switch_context(state, context, state.run_start);
  } else if (context != outer_context_) {
    switch_context(state, context, monotonic_ns());
  }
  if (context != nullptr && context->finished()) {
    context->report_finished();
  }
}

Flow::Run::~Run() {
  ThreadState& state = t_state;
  Flow& flow = *state.flow;
  state.flow = outer_flow_;
  // What is outside may have ended a scope of its own meanwhile, when its frame was destroyed from inside.
  LogContext* const outside = outer_flow_ != nullptr ? outer_flow_->context_.get() : outer_context_;
  if (outer_flow_ == nullptr) {
    const std::int64_t now = monotonic_ns();
    // A loop that was held is reported under the context that held it.
    flow.loop_->internals().count_slice(now - state.run_start, flow.context_.get());
    switch_context(state, outside, now);
  } else if (outside != state.context) {
    switch_context(state, outside, monotonic_ns());
  }
}

ContextScope::ContextScope(RefPtr<LogContext> context) noexcept
    : context_{without_sentinel(context.get())}, flow_{t_state.flow} {
  ThreadState& state = t_state;
  previous_ = flow_ ? flow_->context_ : RefPtr<LogContext>{state.context};
  if (flow_) {
    flow_->context_ = context_;
  }
  if (state.context != context_.get()) {
    switch_context(state, context_.get(), monotonic_ns());
  }
  if (context_ && context_->finished()) {
    context_->report_finished();
  }
}

ContextScope::~ContextScope() {
  ThreadState& state = t_state;
  LogContext* const found = flow_ ? flow_->context_.get() : state.context;
  if (found != context_.get()) {
    report_misuse("Expected logging context {} but found {}",
                  context_ ? context_->name().c_str() : "sentinel",
                  found != nullptr ? found->name().c_str() : "sentinel");
    // Nobody may hold the former one any more.
    previous_ = nullptr;
  }
  // A frame that is destroyed while its flow is suspended changes what the flow would resume under, and
  // nothing here.
  const bool installed = flow_.get() == state.flow;
  if (installed && state.context != previous_.get()) {
    switch_context(state, previous_.get(), monotonic_ns());
  }
  if (flow_) {
    flow_->context_ = std::move(previous_);
  }
}

}  // namespace lares
