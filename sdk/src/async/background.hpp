// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/ref_counted.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::detail {

/// What is known of the background processes of one name: how many were started, which run, what the ended
/// ones have used.
struct BackgroundRecord;

/// One background process from its start to its end, with the context it runs under.
class BackgroundRun {
 public:
  BackgroundRun() = default;
  BackgroundRun(BackgroundRecord& record, RefPtr<LogContext> context) noexcept
      : record_{&record}, context_{std::move(context)} {}
  BackgroundRun(BackgroundRun&& other) noexcept
      : record_{std::exchange(other.record_, nullptr)}, context_{std::move(other.context_)} {}
  BackgroundRun& operator=(BackgroundRun&&) = delete;
  ~BackgroundRun();

  [[nodiscard]] const RefPtr<LogContext>& context() const noexcept { return context_; }

 private:
  BackgroundRecord* record_ = nullptr;
  RefPtr<LogContext> context_;
};

/// The `synapse_background_process_*` metrics.
///
/// **Threads** any.
class BackgroundProcesses {
 public:
  explicit BackgroundProcesses(metrics::Registry& registry);
  BackgroundProcesses(const BackgroundProcesses&) = delete;
  BackgroundProcesses& operator=(const BackgroundProcesses&) = delete;
  ~BackgroundProcesses();

  /// A new process of that name with a context of its own, `NAME-7`.
  [[nodiscard]] BackgroundRun start(std::string_view name, std::string_view server_name);

 private:
  [[nodiscard]] BackgroundRecord& record_of(std::string_view name, std::string_view server_name);

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<BackgroundRecord>, std::less<>> records_;
  std::vector<metrics::CallbackHandle> callbacks_;
};

}  // namespace lares::detail
