// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/time.hpp>
#include <lares/storage/statement.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace lares::storage {

/// `synapse_storage_query_time` of one database, and a line at DEBUG under `lares.storage.SQL` for each
/// statement.
///
/// **Threads**: any.
class StatementTimes {
 public:
  StatementTimes(Runtime& runtime, const std::string& server_name) : runtime_{&runtime} {
    const auto family = runtime.metrics().histograms(
        {.name = "synapse_storage_query_time",
         .help = "Seconds that statements took, by their first word.",
         .labels = {metrics::Label::server_name(),
                    metrics::Label::closed("verb", {kVerbs.begin(), kVerbs.end()})}});
    for (std::size_t i = 0; i < histograms_.size(); ++i) {
      histograms_[i] = &family.at({server_name, i < kVerbs.size() ? kVerbs[i] : "other"});
    }
  }

  /// Times the statement that is run while it lives; nothing where there are no times to add to. `text` gives
  /// what the log has of the statement, never its arguments, which are what users keep here.
  class Scope {
   public:
    template <class Text>
    Scope(const StatementTimes* times, Verb verb, Text text) : times_{times}, verb_{verb} {
      if (times_ != nullptr) {
        if (times_->log_.enabled(log::Level::kDebug)) {
          times_->log_.message(log::Level::kDebug, text());
        }
        began_ = times_->runtime_->steady_now();
      }
    }
    ~Scope() {
      if (times_ != nullptr) {
        const std::chrono::duration<double> took = times_->runtime_->steady_now() - began_;
        times_->histograms_[static_cast<std::size_t>(verb_)]->observe(took.count());
      }
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const StatementTimes* times_;
    Verb verb_;
    SteadyTime began_{};
  };

 private:
  // In the order of Verb; what is none of these counts as `other`.
  static constexpr std::array<std::string_view, 5> kVerbs{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"};

  Runtime* runtime_;
  log::Logger log_{"lares.storage.SQL"};
  std::array<metrics::Histogram*, kVerbs.size() + 1> histograms_{};
};

}  // namespace lares::storage
