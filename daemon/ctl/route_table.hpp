// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>

#include <string>
#include <vector>

namespace lares::ctl {

/// A line for each method and path, sorted by path, in columns: method, path, plugin, access, resource, shard
/// key, flags.
[[nodiscard]] std::string routes_as_table(const std::vector<http::Route>& routes);

/// A JSON list with an object for each method and path, sorted likewise.
[[nodiscard]] std::string routes_as_json(const std::vector<http::Route>& routes);

}  // namespace lares::ctl
