// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/http/router.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/migration.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace lares::sync {

[[nodiscard]] storage::Schema filters_schema();
void declare_filters(Declarations& declarations);

using FilterPtr = std::shared_ptr<const matrix::Filter>;

/// Filters that clients have stored, and their endpoints.
///
/// spec: Client-Server API, "Filtering"
class Filters {
 public:
  /// Most filters a user stores; an equal one is stored once.
  static constexpr std::int64_t kMostFilters = 1000;

  Filters(Server& server, TaskGroup& loads);

  /// The filter of a /sync or /messages request: an id, or JSON in the query. **Errors**: MatrixError.
  Task<FilterPtr> of_query(std::int64_t account, std::string text);

 private:
  Task<http::Response> post_filter(const http::Requester& requester, http::Request& request);
  Task<http::Response> get_filter(const http::Requester& requester, http::Request& request);
  Task<std::int64_t> store(std::int64_t account, std::string canonical);
  Task<std::string> load(std::int64_t account, std::int64_t number);

  std::int64_t most_in_timeline_;  // below 0: as many as there may be in any case
  storage::Database& database_;
  Cache<std::string, FilterPtr> filters_;
  FilterPtr everything_ = std::make_shared<const matrix::Filter>();
};

}  // namespace lares::sync
