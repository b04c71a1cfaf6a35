// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares {

/// What the kernel says about the process, under the names that every Prometheus client library uses
/// (`process_*`), and which build runs for which servers (`synapse_build_info`, `synapse_server_name_info`).
///
/// **Lifetime** shorter than the registry's.
class ProcessMetrics {
 public:
  ProcessMetrics(metrics::Registry& registry, std::string_view version,
                 std::span<const std::string> server_names);

 private:
  std::vector<metrics::CallbackHandle> callbacks_;
};

}  // namespace lares
