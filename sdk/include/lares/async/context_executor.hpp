// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/base/ref_counted.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lares {

class Loop;

/// One logical thread of coroutines on a loop: what was spawned once and awaits one thing after the other. It
/// holds the context under which that code resumes; ContextScope changes it while the code runs.
///
/// **Threads** belongs to its loop, but for its count.
class LARES_EXPORT Flow : public RefCounted<Flow> {
 public:
  Flow(Loop& loop, RefPtr<LogContext> context) noexcept;

  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  /// Null stands for the sentinel.
  [[nodiscard]] LogContext* context() const noexcept { return context_.get(); }
  /// The flow whose code runs on this thread; null outside of all.
  [[nodiscard]] static Flow* current() noexcept;

  /// Installs a flow on its loop's thread while a resumed coroutine runs, and charges its context.
  ///
  /// The flow must be kept alive by the caller until the destructor has run.
  class LARES_EXPORT Run {
   public:
    explicit Run(Flow& flow) noexcept;
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run();

   private:
    Flow* outer_flow_;
    LogContext* outer_context_;
  };

 private:
  friend class ContextScope;
  friend class RefCounted<Flow>;
  ~Flow() = default;

  Loop* loop_;
  RefPtr<LogContext> context_;
};

namespace detail {
/// Whether the calling thread runs this loop.
[[nodiscard]] LARES_EXPORT bool runs_on_this_thread(const Loop& loop) noexcept;

/// A function with the flow to run it in.
template <class Function>
struct InFlow {
  RefPtr<Flow> flow;
  Function function;

  void operator()() {
    Flow::Run run{*flow};
    std::move(function)();
  }
};
}  // namespace detail

/// An executor that runs everything inside a Flow: the log context is in place whenever a coroutine resumes
/// and gone when it suspends, whatever completed the operation. Made by Loop::executor(); everything else in
/// Asio and Beast sees an ordinary executor.
template <class Inner = boost::asio::io_context::executor_type>
class ContextExecutor {
 public:
  ContextExecutor(RefPtr<Flow> flow, Inner inner) noexcept
      : flow_{std::move(flow)}, inner_{std::move(inner)} {}

  template <class Function>
  void execute(Function&& function) const {
    if (boost::asio::query(inner_, boost::asio::execution::blocking) ==
            boost::asio::execution::blocking.possibly &&
        detail::runs_on_this_thread(flow_->loop())) {
      // The executor may be a part of what the function destroys.
      const RefPtr<Flow> keep = flow_;
      Flow::Run run{*keep};
      std::decay_t<Function> local{std::forward<Function>(function)};
      std::move(local)();
      return;
    }
    inner_.execute(detail::InFlow<std::decay_t<Function>>{flow_, std::forward<Function>(function)});
  }

  template <class Property>
    requires(boost::asio::can_query_v<const Inner&, Property>)
  [[nodiscard]] decltype(auto) query(const Property& property) const noexcept {
    return boost::asio::query(inner_, property);
  }
  [[nodiscard]] boost::asio::io_context& query(boost::asio::execution::context_t) const noexcept {
    return boost::asio::query(inner_, boost::asio::execution::context);
  }
  template <class Property>
    requires(boost::asio::can_require_v<const Inner&, Property>)
  [[nodiscard]] auto require(const Property& property) const {
    auto inner = boost::asio::require(inner_, property);
    return ContextExecutor<decltype(inner)>{flow_, std::move(inner)};
  }
  template <class Property>
    requires(boost::asio::can_prefer_v<const Inner&, Property> &&
             !boost::asio::can_require_v<const Inner&, Property>)
  [[nodiscard]] auto prefer(const Property& property) const {
    auto inner = boost::asio::prefer(inner_, property);
    return ContextExecutor<decltype(inner)>{flow_, std::move(inner)};
  }

  bool operator==(const ContextExecutor& other) const noexcept {
    return flow_ == other.flow_ && inner_ == other.inner_;
  }

 private:
  RefPtr<Flow> flow_;
  Inner inner_;
};

}  // namespace lares
